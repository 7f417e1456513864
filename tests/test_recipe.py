"""The recipe: read whole or refused with the line, and compiled to what the profile asks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from img_ingestion.deidentify import language, profile, recipe, tables
from img_ingestion.deidentify.action import Action
from img_ingestion.deidentify.language import reach
from img_ingestion.deidentify.language.agreement import check_agreement
from img_ingestion.deidentify.pixels.rules import Box, Criterion
from img_ingestion.errors import SettingsError
from img_ingestion.settings import Profile

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "deid.dicom"
DOCUMENT = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")

HEADER = "FORMAT dicom\n\n%header\n"
MODALITY, ROWS, COLUMNS, IMAGE_TYPE = 0x00080060, 0x00280010, 0x00280011, 0x00080008


def whole(part: str) -> bytes:
    """Make a recipe of a part of one."""
    if part.startswith("FORMAT"):
        return part.encode()
    return ((HEADER if not part.startswith("%") else "FORMAT dicom\n") + part).encode()


def label(tests: str, section: str = "graylist", coordinates: str = "coordinates 0,0,9,9") -> bytes:
    return f"FORMAT dicom\n%filter {section}\nLABEL one\n{tests}\n{coordinates}\n".encode()


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_the_shipped_recipe_is_what_the_tool_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])

    assert SHIPPED.read_text(encoding="utf-8") == __import__("make_recipe").recipe()


def test_the_shipped_recipe_has_a_line_for_every_row_that_can_stand_in_a_data_set() -> None:
    shipped = recipe.load(SHIPPED)

    assert recipe.coverage(shipped) == recipe.Coverage(rows=654, missing=())
    assert shipped.warnings == ()


def test_the_shipped_recipe_says_what_the_profile_asks_by_default() -> None:
    shipped = recipe.load(SHIPPED)

    for tag, rule in shipped.header.items():
        assert rule.action is profile.action(tag, Profile())


def test_the_shipped_lines_leave_the_decision_to_the_options() -> None:
    shipped = recipe.load(SHIPPED)

    for switch in profile.OPTIONS.values():
        options = Profile().model_copy(update={switch: not getattr(Profile(), switch)})
        table = recipe.compiled(shipped, options)
        assert {tag: rule.action for tag, rule in table.items()} == profile.actions(options)
        assert recipe.weaker(shipped, options) == ()


def test_every_shipped_box_lies_in_the_picture_its_rule_asks_for() -> None:
    for rule in recipe.load(SHIPPED).pixel_rules:
        for box in rule.hide:
            for size, edge in ((ROWS, box.bottom), (COLUMNS, box.right)):
                asked = [
                    int(test.value)
                    for group in rule.where
                    for test in group
                    if test.tag == size and test.test == "equals"
                ]
                assert all(edge <= number for number in asked), rule.label


def test_no_shipped_rule_flags_a_picture_by_its_device_alone() -> None:
    device = {0x00080060, 0x00080070, 0x00081090, 0x00080080}
    for rule in recipe.load(SHIPPED).pixel_rules:
        assert rule.verdict == "burned_in"
        if not rule.hide:
            assert {test.tag for group in rule.where for test in group} - device, rule.label


@pytest.mark.parametrize("example", examples("deid"))
def test_every_example_of_the_documentation_is_a_recipe(example: str) -> None:
    assert recipe.read(whole(example)).digest


@pytest.mark.parametrize("example", examples("deid-refused"))
def test_every_refused_example_of_the_documentation_is_refused_so(example: str) -> None:
    text, _, message = example.rpartition("# refused: ")

    with pytest.raises(SettingsError, match=re.escape(message.strip())):
        recipe.read(whole(text))


def test_the_documentation_has_examples() -> None:
    assert len(examples("deid")) == 5
    assert len(examples("deid-refused")) == 23


@pytest.mark.parametrize(
    ("statement", "tag", "action", "value"),
    [
        ("REMOVE PatientName", 0x00100010, Action.X, ""),
        ("REMOVE (0010,0010)", 0x00100010, Action.X, ""),
        ("REMOVE   PatientName   # twice the space", 0x00100010, Action.X, ""),
        ("BLANK PatientName", 0x00100010, Action.Z, ""),
        ("KEEP ContentSequence", 0x0040A730, Action.K, ""),
        ("REPLACE PatientName func:dummy", 0x00100010, Action.D, ""),
        ("REPLACE PatientName Somebody^Else", 0x00100010, Action.LITERAL, "Somebody^Else"),
        ("REPLACE PatientID func:pseudonym", 0x00100020, Action.PSEUDONYM, ""),
        ("REPLACE StudyInstanceUID func:uid", 0x0020000D, Action.U, ""),
        ("REPLACE StudyDescription func:clean  # a patient's", 0x00081030, Action.C, ""),
        ("REPLACE ContentDate func:Z/D", 0x00080023, Action.Z_D, ""),
        ("REPLACE ReferencedImageSequence func:X/Z/U*", 0x00081140, Action.X_Z_U, ""),
        ("JITTER StudyDate var:date_shift", 0x00080020, Action.SHIFT, ""),
        ("REMOVE (0010,0012)", 0x00100012, Action.X, ""),
        ("REMOVE (50xx,xxxx)", tables.CURVES, Action.X, ""),
        ("REPLACE (60xx,3000) func:clean", tables.OVERLAY_DATA, Action.C, ""),
        ("REMOVE (gggg,eeee)", tables.PRIVATE, Action.X, ""),
        ("KEEP Rows", ROWS, Action.K, ""),
    ],
)
def test_a_statement_is_read(statement: str, tag: int, action: Action, value: str) -> None:
    rule = recipe.read((HEADER + statement).encode()).header[tag]

    assert (rule.action, rule.value, rule.line) == (action, value, 4)


@pytest.mark.parametrize(
    "statement",
    [
        "Remove PatientName",
        "REMOVE",
        "REPLACE PatientName",
        "JITTER StudyDate",
        "JITTER StudyDate var:jitter",
        "KEEP PatientName please",
        "REMOVE PatientName PatientID",
        "REMOVE PatientName# no space",
        "REMOVE\tPatientName",
        "\tREMOVE PatientName",
        "REMOVE Patient\x0bName",
        "REMOVE Pati\u0435ntName",
        "REMOVE patientname",
        "REMOVE PatientNames",
        "REMOVE ALL",
        "REMOVE all",
        "REMOVE except:PatientName",
        "REMOVE select:VR:PN",
        "REMOVE values:names",
        "REMOVE 00100010",
        "REMOVE (0010,001)",
        "REMOVE (0010, 0010)",
        "REMOVE (0011,0010)",
        'REMOVE (0033,"MITRA OBJECT",1E)',
        "REMOVE (0010,FFFE)",
        "REMOVE (0008,0000)",
        "REMOVE TransferSyntaxUID",
        "REMOVE (0002,0003)",
        "REMOVE (6002,3000)",
        "BLANK SOPClassUID",
        "BLANK Rows",
        "KEEP PatientIdentityRemoved",
        "REPLACE PatientName func:Dummy",
        "REPLACE PatientName func:hash",
        "REPLACE PatientName deid_func:jitter",
        "REPLACE PatientName func:uid",
        "REPLACE StudyInstanceUID func:clean",
        "REPLACE StudyInstanceUID 1.2.3",
        "REPLACE Rows 12",
        "REPLACE PatientSize tall",
        "REPLACE PatientSex m\u00e4nnlich",
        "REPLACE ContentSequence text",
        "REPLACE Manufacturer it's",
        "REPLACE Manufacturer func:X/Z",
        "LABEL one",
        "FIELD PatientName",
        "contains Modality CT",
        "PatientName",
        "FORMAT dicom",
        "%values names",
        "%fields names",
        "%labels",
        "%Header",
        "%filter",
        "%filter greylist",
        "%filter  graylist",
        "% header",
    ],
)
def test_what_deid_drops_or_misreads_is_refused_with_its_line(statement: str) -> None:
    content = f"{HEADER}REMOVE PatientAddress\n{statement}\nREMOVE PatientComments\n".encode()

    with pytest.raises(SettingsError, match="line 5"):
        recipe.read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# nothing\n",
        b"%header\nREMOVE PatientName\n",
        b"FORMAT nifti\n%header\nREMOVE PatientName\n",
        b"format dicom\n%header\nREMOVE PatientName\n",
        b"FORMAT dicom # ours\n%header\nREMOVE PatientName\n",
        b"\xef\xbb\xbf" + HEADER.encode(),
        HEADER.encode("utf-16"),
    ],
)
def test_a_file_that_does_not_start_as_a_recipe_is_refused(content: bytes) -> None:
    with pytest.raises(SettingsError, match="line 1"):
        recipe.read(content)


def test_a_statement_before_the_first_section_is_refused() -> None:
    with pytest.raises(SettingsError, match="line 2"):
        recipe.read(b"FORMAT dicom\nREMOVE PatientName\n")


def test_a_line_that_is_not_utf_8_is_named() -> None:
    with pytest.raises(SettingsError, match="line 4: not UTF-8"):
        recipe.read(HEADER.encode() + b"REMOVE PatientName # M\xfcller\n")


def test_every_faulty_line_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        recipe.read((HEADER + "REMOVE Nobody\nKEEP PatientSex\nremove PatientName\n").encode())

    assert [text.split(":")[0] for text in str(refused.value).splitlines()] == ["line 4", "line 6"]


def test_line_ends_of_windows_and_letters_in_comments_are_fine() -> None:
    content = (HEADER + "REMOVE PatientName  # für München\n").replace("\n", "\r\n").encode()

    assert recipe.read(content).header[0x00100010].action is Action.X


def test_a_section_may_come_twice() -> None:
    script = "KEEP PatientSex\n%filter graylist\nLABEL a\nmissing Rows\n%header\nKEEP PatientAge\n"

    assert len(recipe.read((HEADER + script).encode()).header) == 2


def test_a_recipe_that_cannot_be_opened_is_refused_by_name(tmp_path: Path) -> None:
    # deid would take the first file of a folder whose name starts with deid.
    (tmp_path / "deid.dicom").write_bytes(SHIPPED.read_bytes())

    for path in (tmp_path, tmp_path / "absent.dicom"):
        with pytest.raises(SettingsError, match=re.escape(str(path))):
            recipe.load(path)


def test_every_fault_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "site.dicom"
    path.write_text(HEADER + "REMOVE Nobody\nREMOVE Noone\n")

    with pytest.raises(SettingsError) as refused:
        recipe.load(path)

    assert all(text.startswith(f"{path}, line ") for text in str(refused.value).splitlines())


@pytest.mark.parametrize(
    ("tests", "where"),
    [
        ("contains Modality CT", ((Criterion(MODALITY, "contains", "CT"),),)),
        (
            "contains Modality CT\n+ equals Rows 512",
            ((Criterion(MODALITY, "contains", "CT"),), (Criterion(ROWS, "equals", "512"),)),
        ),
        (
            "contains Modality CT + equals Rows 512",
            ((Criterion(MODALITY, "contains", "CT"),), (Criterion(ROWS, "equals", "512"),)),
        ),
        (
            "contains ImageType SCREEN SAVE || missing Modality || empty Rows",
            (
                (
                    Criterion(IMAGE_TYPE, "contains", "SCREEN SAVE"),
                    Criterion(MODALITY, "missing"),
                    Criterion(ROWS, "empty"),
                ),
            ),
        ),
        ("present Rows", ((Criterion(ROWS, "present"),),)),
        (r"contains Modality AS\+", ((Criterion(MODALITY, "contains", r"AS\+"),),)),
        ("notequals Modality CT", ((Criterion(MODALITY, "notequals", "CT"),),)),
        ("", ()),
    ],
)
def test_the_tests_of_a_label_are_read(
    tests: str, where: tuple[tuple[Criterion, ...], ...]
) -> None:
    (rule,) = recipe.read(label(tests)).pixel_rules

    assert (rule.where, rule.label, rule.line) == (where, "one", 3)


@pytest.mark.parametrize(
    ("lines", "hide", "keep", "everything"),
    [
        ("coordinates 1,2,3,5", (Box(1, 2, 3, 5),), (), False),
        ("ctpcoordinates 1,2,3,5", (Box(1, 2, 4, 7),), (), False),
        ("coordinates all", (), (), True),
        ("coordinates all\nkeepcoordinates 1,2,3,5", (), (Box(1, 2, 3, 5),), True),
        ("coordinates all\nctpkeepcoordinates 1,2,3,5", (), (Box(1, 2, 4, 7),), True),
        ("coordinates 1,2,3,5\ncoordinates 0,0,1,1", (Box(1, 2, 3, 5), Box(0, 0, 1, 1)), (), False),
    ],
)
def test_the_boxes_of_a_label_are_read(
    lines: str, hide: tuple[Box, ...], keep: tuple[Box, ...], *, everything: bool
) -> None:
    (rule,) = recipe.read(label("missing Rows", coordinates=lines)).pixel_rules

    assert (rule.hide, rule.keep, rule.hide_all) == (hide, keep, everything)


@pytest.mark.parametrize(
    ("section", "verdict"),
    [("whitelist", "clean"), ("graylist", "burned_in"), ("blacklist", "burned_in")],
)
def test_the_section_is_the_verdict(section: str, verdict: str) -> None:
    (rule,) = recipe.read(label("missing Rows", section, coordinates="")).pixel_rules

    assert rule.verdict == verdict


@pytest.mark.parametrize(
    "line",
    [
        "|| contains BurnedInAnnotation YES",
        "contains BurnedInAnnotation YES",
        "+contains",
        "+ contains Modality",
        "+ contains  Modality CT",
        "+ contains Modality CT # a comment",
        "+ Contains Modality CT",
        "+ includes Modality CT",
        "+ contains Modalities CT",
        "+ contains Modality (CT",
        "+ contains Modality CT|",
        r"+ contains Modality \DT",
        "+ contains ImageType DERIVED+SECONDARY",
        "+ equals Modality CT|MR",
        "+ missing Modality CT",
        "+ missing Modality || contains Modality CT",
        "+ contains Modality CT || contains Modality MR + missing Rows",
        "+ contains Modality CT||contains Modality MR",
        "+ contains OverlayDescription text",
        "coordinates 0,0,1, 1",
        "coordinates 0,0,1",
        "coordinates 0,0,1,1,1",
        "coordinates 0,0,-1,1",
        "coordinates 5,5,5,9",
        "ctpcoordinates 5,5,0,9",
        "Coordinates 0,0,1,1",
        "coordinates 0,0,1,1 # a comment",
        "coordinates from:SequenceOfUltrasoundRegions",
        "coordinates",
        "keepcoordinates all",
        "REMOVE PatientName",
    ],
)
def test_a_line_of_a_label_that_deid_skips_or_misreads_is_refused(line: str) -> None:
    with pytest.raises(SettingsError, match="line 5"):
        recipe.read(label(f"contains Modality CT\n{line}"))


@pytest.mark.parametrize(
    ("tests", "section", "coordinates"),
    [
        ("", "graylist", ""),
        ("", "whitelist", ""),
        ("missing Rows", "whitelist", "coordinates 0,0,9,9"),
        ("contains BurnedInAnnotation No", "whitelist", ""),
        ("missing Rows", "graylist", "keepcoordinates 0,0,9,9"),
        ("missing Rows", "graylist", "keepcoordinates 0,0,9,9\ncoordinates all"),
    ],
)
def test_a_label_that_could_not_do_what_it_says_is_refused(
    tests: str, section: str, coordinates: str
) -> None:
    with pytest.raises(SettingsError, match="line 3"):
        recipe.read(label(tests, section, coordinates))


def test_a_test_outside_a_label_is_refused() -> None:
    with pytest.raises(SettingsError, match="line 3"):
        recipe.read(b"FORMAT dicom\n%filter graylist\ncontains Modality CT\nLABEL a\nmissing Rows")


def test_a_changed_line_wins_over_the_options_and_an_unchanged_one_leaves_them_the_choice() -> None:
    site = recipe.read((HEADER + "REMOVE StationName\nREPLACE DeviceUID func:uid\n").encode())

    table = recipe.compiled(site, Profile(retain_device_identity=True))

    assert table[0x00081010].action is Action.X
    assert table[0x00181002].action is Action.K


def test_what_a_recipe_leaves_out_is_done_as_the_profile_asks() -> None:
    site = recipe.read((HEADER + "KEEP PatientComments\nREMOVE Modality\n").encode())

    table = recipe.compiled(site, Profile())

    assert set(table) == {*tables.rows(), MODALITY}
    assert table[0x00100010] == recipe.HeaderRule(0x00100010, Action.PSEUDONYM)
    assert recipe.coverage(site).covered == 1


@pytest.mark.parametrize(
    ("statement", "tag"),
    [
        ("KEEP PatientName", 0x00100010),
        ("KEEP StudyDate", 0x00080020),
        ("JITTER PatientBirthDate var:date_shift", 0x00100030),
        ("REPLACE PatientAddress func:clean", 0x00101040),
        ("REPLACE OtherPatientIDs func:pseudonym", 0x00101000),
    ],
)
def test_a_line_that_lets_more_through_is_found_and_warned_of(statement: str, tag: int) -> None:
    site = recipe.read((HEADER + statement).encode())

    assert recipe.weaker(site, Profile()) == (tag,)
    assert any(warning.startswith("line 4:") for warning in site.warnings)


def test_a_line_that_an_option_allows_is_not_weaker() -> None:
    site = recipe.read((HEADER + "KEEP DeviceSerialNumber").encode())

    assert recipe.weaker(site, Profile()) == (0x00181000,)
    assert recipe.weaker(site, Profile(retain_device_identity=True)) == ()


def test_the_digest_changes_with_the_text() -> None:
    assert recipe.read(HEADER.encode()).digest != recipe.read(f"{HEADER}#\n".encode()).digest


def test_deid_says_nothing_and_ends_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match="SystemExit"):
        recipe._as_deid_reads(b"FORMAT dicom\n%header\nREPLACE PatientName\n")

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("REMOVE PatientName", "remove PatientName"),
        ("REMOVE PatientName", "REMOVED PatientName"),
        ("REMOVE PatientName", "KEEP PatientName"),
        ("REMOVE PatientName", "# REMOVE PatientName"),
        ("REPLACE PatientName A^B", "REPLACE PatientName A"),
        ("coordinates 0,0,4,4", "coordinates 0,0,4,5"),
        ("+ contains Modality CT", "+ contains Modality MR"),
        ("+ contains Modality CT", "contain Modality CT"),
    ],
)
def test_a_recipe_that_deid_understands_otherwise_is_refused(ours: str, theirs: str) -> None:
    form = "FORMAT dicom\n%header\nKEEP PatientSex\n{}\nKEEP PatientAge\n"
    if "PatientName" not in ours:
        form = "FORMAT dicom\n%filter graylist\nLABEL a\nmissing Rows\n{}\n"
    script = language.read(form.format(ours).encode())

    with pytest.raises(SettingsError, match=r"line [34]: deid reads this otherwise"):
        check_agreement(script, recipe._as_deid_reads(form.format(theirs).encode()))


def test_a_recipe_of_which_deid_drops_the_end_is_refused() -> None:
    script = language.read((HEADER + "KEEP PatientSex\nREMOVE PatientName").encode())

    with pytest.raises(SettingsError, match="deid reads 1 of the 2 statements"):
        check_agreement(script, recipe._as_deid_reads((HEADER + "KEEP PatientSex").encode()))


def test_the_recipe_reads_the_same_in_any_locale() -> None:
    program = (
        "from pathlib import Path; from img_ingestion.deidentify import recipe;"
        "print(recipe.load(Path('deid.dicom')).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-X", "utf8=0", "-c", program],
            cwd=ROOT,
            env={**os.environ, "LC_ALL": locale},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for locale in ("C", "C.UTF-8")
    }

    assert digests == {recipe.load(SHIPPED).digest + "\n"}


LABELS = """FORMAT dicom
%header
KEEP PatientSex
REMOVE FileSetID
%filter whitelist
LABEL Plain CT of ours
  contains Modality CT
  + equals Manufacturer Example
%filter graylist
LABEL Everything of Example
  equals Manufacturer Example
  coordinates 0,0,512,20
LABEL Two modalities
  equals Modality CT
  + equals Modality MR
  coordinates 0,0,9,9
LABEL Absent and said
  contains Modality CT
  + missing Modality
  coordinates 0,0,9,9
LABEL Said and not said
  contains Manufacturer GE
  + notcontains Manufacturer GE
  coordinates 0,0,9,9
LABEL No number
  equals Rows tall
  coordinates 0,0,9,9
LABEL Outside
  equals Rows 512
  coordinates 0,512,100,600
LABEL In vain
  equals Manufacturer Example
  + contains Modality US
  coordinates 0,0,512,20
LABEL Two types can be said
  equals ImageType DERIVED
  + equals ImageType SECONDARY
  coordinates 0,0,9,9
LABEL One of two
  equals Modality CT || equals Modality MR
  coordinates 0,0,8,8
"""


def test_lines_that_can_never_fire_and_lines_that_conflict_are_named() -> None:
    script = language.read(LABELS.encode())
    idle = {fault.line: str(fault) for fault in reach.idle(script.header, script.pixel_rules)}
    assert list(idle) == [4, 13, 17, 21, 25, 28]
    assert "DICOMDIR" in idle[4]
    assert "exclude each other" in idle[13]
    assert "no such number" in idle[25]
    assert "outside" in idle[28]
    assert [str(fault) for fault in reach.disputes(script.pixel_rules)] == [
        "line 6: conflicts with line 10: what carries text is never called clean",
        "line 31: does nothing that line 10 does not do",
    ]


def test_nothing_in_the_shipped_recipe_is_in_vain() -> None:
    script = language.read(SHIPPED.read_bytes())
    assert reach.idle(script.header, script.pixel_rules) == ()
    assert reach.disputes(script.pixel_rules) == ()
