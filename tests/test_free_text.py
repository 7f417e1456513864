"""Text loses the patient and keeps its words."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from img_ingestion.deidentify import identifiers
from img_ingestion.deidentify.free_text import Cleaner
from img_ingestion.instance import Identifiers

FOUND = Identifiers(
    names=frozenset({"quillfeather", "zebedee", "muller"}),
    numbers=frozenset({"zq 4711", "20991234"}),
    phrases=frozenset({"saint nowhere hospital"}),
    dates=frozenset({"19510723"}),
    uids=frozenset({"1.2.826.0.1.3680043.9.9999.1"}),
)
CLEANER = Cleaner.of(FOUND)


@pytest.mark.parametrize(
    "text",
    [
        "QUILLFEATHER, Zebedee",
        "zebedee_quillfeather",
        "MÜLLER",
        "Mu\u0308ller",
        "ID ZQ-4711 seen",
        "ZQ4711",
        "zq 4711",
        "born 23.07.1951",
        "born 1951-07-23",
        "7/23/51",
        "Saint Nowhere  Hospital",
        "ref 1.2.826.0.1.3680043.9.9999.1",
        "20991234",
    ],
)
def test_the_patients_own_identifiers_go_in_every_form(text: str) -> None:
    cleaned = CLEANER.without_own(text)
    assert not CLEANER.finds(cleaned)
    assert cleaned != text


@pytest.mark.parametrize(
    "text",
    [
        "seen by Dr. Grey on call",
        "call 555-123-4567",
        "mail a.b@example.org",
        "see https://example.org/x",
        "12 March 2019",
        "Mar 12, 2019",
        "03/12/2019",
        "MRN: 88123",
        "SSN 123-45-6789",
        "12 Long Hill Road",
        "HN0012345",
    ],
)
def test_anybody_elses_identifiers_go_from_descriptors(text: str) -> None:
    cleaned = CLEANER.cleaned(text)
    assert cleaned != text
    assert not any(character.isdigit() for character in cleaned)


@pytest.mark.parametrize(
    "text",
    [
        "CHEST PA AND LATERAL",
        "T2W_TSE sag 3mm",
        "ep2d_diff_b1000",
        "1024x1024",
        "P4^P101^S108^I0, Gated, 0.0%",
        "right wall, short axis, rose-coloured",
        "AX 5.0 B30f",
        "MI 0.8 120 kVp",
        "Mullerian duct",
    ],
)
def test_clinical_and_technical_words_come_out_as_they_were_written(text: str) -> None:
    assert CLEANER.cleaned(text) == text


def test_nothing_is_found_where_nothing_identifies() -> None:
    cleaner = Cleaner.of(Identifiers())
    assert cleaner.without_own("Quillfeather") == "Quillfeather"
    assert not cleaner.finds("Quillfeather")


PERSON = Cleaner.of(
    Identifiers(
        names=frozenset(
            {
                "graves",
                "white",
                "may",
                "hill",
                "gray",
                "charlotte",
                "mary",
                "smith",
                "jones",
                "obrien",
                "li",
            }
        ),
        places=frozenset({"kwmcl", "northgate university hospital", "northgate"}),
        phrases=frozenset({"7417 green inlet"}),
        numbers=frozenset({"4712345678", "160519e4233"}),
        dates=frozenset({"20160519"}),
    )
)


@pytest.mark.parametrize(
    "text",
    [
        "Known Graves disease, proptosis",
        "CT ORBITS GRAVES OPHTHALMOPATHY",
        "MR BRAIN WHITE MATTER LESIONS",
        "may represent artefact",
        "Hill-Sachs lesion",
        "gray-white differentiation",
        "MAY BE MOTION",
        "Graves' orbitopathy",
    ],
)
def test_a_name_that_is_a_finding_stays_where_it_is_the_finding(text: str) -> None:
    assert PERSON.cleaned(text) == text
    assert not PERSON.finds(text, prose=True)


WORDS_OF_IMAGING = Cleaner.of(Identifiers(names=frozenset({"bone", "james", "brown", "ann"})))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("SAG 2X2 BONE", None),
        ("CT bone kernel", None),
        ("brown fat", None),
        ("J. Bone knee", ". knee"),
        ("Bone's film", "'s film"),
        ("CT CHEST Brown", "CT CHEST"),
        ("Brown follow up", "follow up"),
    ],
)
def test_a_name_that_is_a_word_of_imaging_goes_where_it_is_the_person(
    text: str, left: str | None
) -> None:
    assert WORDS_OF_IMAGING.cleaned(text) == (text if left is None else left)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CT ORBITS for Charlotte Graves", "CT ORBITS"),
        ("GRAVES, CHARLOTTE CT ORBITS", "CT ORBITS"),
        ("Dr. White saw the cyst", "saw the cyst"),
        ("seen by Dr. van der Berg", ""),
        ("Dr. Jan van der Berg, CT chest", "CT chest"),
        ("Prof. de la Cruz reviewed", "reviewed"),
        ("Dr. Meyer de novo lesion", "de novo lesion"),
        ("MR VAN HET HOOFD", "MR VAN HET HOOFD"),
        ("chest AHV 756.1234.5678.97", "chest AHV"),
        ("chest DE89 3704 0044 0532 0130 00", "chest"),
        ("chest, passport C01X00T47", "chest"),
        ("chest, aged ninety-one", "chest"),
        ("CT20 with thin slab mips", "CT20 with thin slab mips"),
        ("C. Graves CT ORBITS", ". CT ORBITS"),
        ("MARYSMITH CT", "CT"),
        ("MSMITH CT", "CT"),
        ("CHARLOTT CT", "CT"),
        ("C H A R L O T T E, CT", "CT"),
        ("O'Brien CT", "CT"),
        ("Smith-Jones CT", "CT"),
        ("Smith's CT", "'s CT"),
        ("AX T1 - Mary", "AX T1"),
        ("COR STIR_mary.smith@mail.example", "COR STIR"),
        ("CT CHEST (KWMCL)", "CT CHEST ( )"),
        ("CT Northgate", "CT"),
        ("CT CHEST 7417 Green Inlet", "CT CHEST"),
        ("160519E4233 CT CHEST", "CT CHEST"),
        ("CT CHEST MRN4712345678", "CT CHEST"),
    ],
)
def test_people_and_places_go_and_the_words_around_them_stay(text: str, kept: str) -> None:
    assert PERSON.cleaned(text) == kept


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("CXR reviewed by Anna Kowalczyk", "Kowalczyk"),
        ("homme de 92 ans", "92"),
        ("93 Jahre, Sturz", "93"),
        ("94岁 CT", "94"),
        ("090Y male", "90"),
        ("woman in her late 90s", "90s"),
        ("nonagenarian, fall", "nonagenarian"),
        ("nacida en 1923", "1923"),
        ("call 0049 30 901820", "901820"),
        ("bel 06-12345678", "06"),
        ("dictated by PH", "PH"),
        ("next of kin: Garcia Rodriguez", "Rodriguez"),
        ("seen by Dr Achterberg", "Achterberg"),
        ("Jennifer Lopez CT CHEST", "Lopez"),
        ("node at 10.12.4.7", "10.12.4.7"),
        ("lives at 483 Jenkins Via", "Jenkins"),
        ("of 1.2.826.0.1.3680043.10.1471.4.9", "1471"),
        ("Gated, 0.0% 20140321", "2014"),
        ("scan 21-Mar-2014 late", "2014"),
        ("vom 14. M\u00e4rz 2017", "2017"),
        ("le 3 d\u00e9cembre 2011", "2011"),
        ("27 de agosto de 2009", "agosto"),
        ("2017\u5e743\u670814\u65e5 CT", "2017"),
        ("tel 06 12 34 56 78", "34"),
        ("+48 601 234 567 CT", "601"),
        ("ext. 4417", "4417"),
        ("MRN 417", "417"),
        ("Pat.-Nr. 44871", "44871"),
        ("Hauptstra\u00dfe 17, CT", "17"),
        ("22 Rue des Lilas", "Lilas"),
        ("sent from Harrowgate General Hospital", "Harrowgate"),
        ("Klinikum Westend", "Westend"),
        ("92 year old man", "92"),
        ("93F with cough", "93"),
        ("John Smith knee", "Smith"),
        ("Sr. Garc\u00eda", "Garc"),
        ("\u0418\u0432\u0430\u043d\u043e\u0432 \u0418.\u0418.", "\u0432\u0430\u043d"),
        ("\u5c71\u7530\u592a\u90ce\u69d8", "\u5c71\u7530"),
        ("scan 2024/5/1", "2024"),
        ("5\u67081\u65e5", "5"),
        ("le premier mai 2024", "mai"),
        ("Springfield, IL 62704", "Spring"),
        ("Hauptstr. 12, 50667 K\u00f6ln", "K\u00f6ln"),
        ("facebook.com/jdoe", "jdoe"),
        ("CPF 123.456.789-09", "456"),
        ("00:1A:2B:3C:4D:5E", "2B"),
    ],
)
def test_strangers_are_found_by_what_stands_around_them(text: str, gone: str) -> None:
    assert gone not in CLEANER.cleaned(text)


@pytest.mark.parametrize(
    "text",
    [
        "MR Breast Bilateral",
        "DR CHEST PA",
        "XR FOOT 3 VIEWS CT",
        "Pt supine, CT of the chest by protocol",
        "ep2d_diff_b50_400_800_ADC",
        "2 lateral views",
        "T1 VIBE DIXON W",
        "Topogram 0.6 T20f",
        "Chest wall pain, short axis views, Rose bengal, Hill Sachs lesion",
        "Screening, dense breasts",
        "2 Week Follow Up CT",
        "CTA AORTA RUNOFF 1024",
        "by protocol, 3 chamber view 12 mm",
        "outpatient clinic, general hospital ward",
        "TR set 2000 ms",
        "A.P. Chest",
        "Austin Moore prosthesis",
        "Martin-Gruber anastomosis",
        "Day 10 post op, 100 cc Omnipaque 350",
        "Grade 2/3 tear, 5/6 ribs",
        "\u60a3\u8005\u69d8",
        "45 year old man",
    ],
)
def test_words_that_look_like_titles_streets_and_names_stay(text: str) -> None:
    assert CLEANER.cleaned(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CT at St. Brendan's", "CT"),
        ("Studied at University of Penderyn 2 days", "Studied 2 days"),
        ("Kreiskrankenhaus Bad Salden, Thorax", "Thorax"),
        ("Hospital San Juan de Dios", ""),
        ("Clínica Los Arrayanes TC", "TC"),
        ("Областная больница Твери", "Областная"),
        ("東京第一病院", ""),
        ("서울중앙병원 CT", "CT"),
        ("Department of Surgery at Gladwyn", "Department of Surgery"),
        ("transferred from FCHX", "transferred"),
        ("histoire clinique inconnue", "histoire clinique inconnue"),
        ("Klinik unauffällig", "Klinik unauffällig"),
        ("клиника острого аппендицита", "клиника острого аппендицита"),
        ("hospital day 3, transferred from ICU", "hospital day 3, transferred from ICU"),
        ("St. Jude valve, study at peak stress", "St. Jude valve, study at peak stress"),
        ("病院で転倒", "病院で転倒"),
    ],
)
def test_institutions_go_in_many_languages_and_findings_stay(text: str, kept: str) -> None:
    assert Cleaner.of(Identifiers()).cleaned(text) == kept


def test_names_are_found_in_scripts_without_spaces() -> None:
    found = Cleaner.of(Identifiers(names=frozenset({"山田", "太郎"})))
    assert found.cleaned("胸部CT山田太郎様") == "胸部CT 様"


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("Le^Van", "CT for Le Van today", "CT today"),
        ("Mueller^Joerg", "CT M\u00fcller, J\u00f6rg", "CT"),
        ("M\u00fcller^J\u00f6rg", "CT Mueller, Joerg", "CT"),
        ("S\u00f8rensen^\u00c5ge", "CT Soerensen Aage", "CT"),
        ("Garc\u00eda^Mar\u00eda Jos\u00e9", "CT M. J. Garc\u00eda", "CT"),
        ("Wang^Xiao=\u738b^\u5c0f\u4e1c", "\u80f8\u90e8 \u738b", "\u80f8\u90e8"),
        ("Wang^Xiao=\u738b^\u5c0f\u4e1c", "\u738b\u5973\u58eb CT", "\u5973\u58eb CT"),
        ("Lee^Jin=\u674e^\u771e=\uc774^\uc9c4", "\uc774\ubc88 \uc9c4\ub8cc CT", None),
    ],
)
def test_names_are_found_as_other_spellings_and_scripts_have_them(
    name: str, text: str, kept: str | None
) -> None:
    header = Dataset()
    header.SpecificCharacterSet, header.PatientName = "ISO_IR 192", name
    cleaner = Cleaner.of(identifiers.collect(header))
    assert cleaner.cleaned(text) == (text if kept is None else kept)


def test_a_given_name_before_a_dose_is_no_x_ray() -> None:
    cleaner = Cleaner.of(Identifiers(names=frozenset({"ray", "stone"})))
    assert cleaner.cleaned("Ray DOSE1") == "DOSE1"
    assert cleaner.cleaned("X-ray dose") == "X-ray dose"


def test_what_a_cut_sentence_leaves_is_nothing() -> None:
    assert PERSON.cleaned("Ordered for 4712345678 by Smith") == ""
    assert PERSON.cleaned("MR BRAIN_o'brien.mary12@mail.example") == "MR BRAIN"


def test_what_is_longer_than_any_text_is_cleaned_alike_and_not_remembered() -> None:
    cleaner = Cleaner.prepared(Identifiers(names=frozenset({"quillfeather"})), None)
    long = "normal " * 2000
    assert cleaner.without_own(f"{long}Quillfeather") == long.strip()
    assert cleaner.finds(f"{long}Quillfeather")
    assert not cleaner.finds(long)
    assert not cleaner.done
    assert not cleaner.known
