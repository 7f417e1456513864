"""Settings: read, layered, refused at the door with the line that is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from img_ingestion.errors import SettingsError
from img_ingestion.settings import Settings
from img_ingestion.settings_file import load
from tools.make_example_settings import example

ROOT = Path(__file__).resolve().parents[1]
SECRET = "zq-secret-zq"


def written(home: Path, text: str) -> Path:
    path = home / "gateway.toml"
    path.write_text(text, "utf-8")
    return path


def refusal(home: Path, text: str) -> str:
    written(home, text)
    with pytest.raises(SettingsError) as caught:
        load(home)
    return str(caught.value)


def test_a_home_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read"):
        load(tmp_path, tmp_path / "absent.toml")


def test_a_named_file_is_read_instead_of_the_homes(tmp_path: Path) -> None:
    written(tmp_path, "[nonsense]")
    other = tmp_path / "other.toml"
    other.write_text('[pixels]\npolicy = "rules"\n')
    assert load(tmp_path, other).pixels.policy == "rules"


def test_the_example_is_what_the_model_says() -> None:
    assert (ROOT / "gateway.example.toml").read_text("utf-8") == example()


def test_the_example_loads_to_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, ROOT / "gateway.example.toml") == Settings()


def test_the_example_explains_every_key() -> None:
    lines = example().splitlines()
    keys = [number for number, line in enumerate(lines) if " = " in line and line[0] != "#"]
    assert len(keys) > 25
    assert all(lines[number - 1].startswith("# ") for number in keys)


def test_the_examples_customer_section_is_good(tmp_path: Path) -> None:
    (tmp_path / "north_clinic.token").write_text(SECRET)
    commented = example().split("any other credential.\n#\n")[1]
    written(tmp_path, commented.replace("# ", "").replace("#", ""))
    own = load(tmp_path).of("north_clinic")
    assert (own.pixels.policy, own.backend.token.get_secret_value()) == ("rules", SECRET)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("[bakend]\n", 1, "bakend"),
        ("\n# words\n[pixels]\n\npolicy = 'zq-secret-zq'\n", 5, "pixels.policy"),
        ("[pixels]\npolicy = '''zq-secret-zq\n'''\n", 2, "pixels.policy"),
        ("[pixels]\npolicy = 'all'\npolcy = 'zq-secret-zq'\n", 3, "pixels.polcy"),
        ("pixels.policy = 'zq-secret-zq'\n", 1, "pixels.policy"),
        ("[vault]\n\n[rendering]\nframes = '0'\n", 4, "rendering.frames"),
        ("[limits]\nmax_file_bytes = -1\n", 2, "limits.max_file_bytes"),
        ("[incoming]\nsettle_s = -1\n", 2, "incoming.settle_s"),
        (
            "[customers.a.pixels]\n[customers.b.pixels]\npolicy = 3\n",
            3,
            "customers.b.pixels.policy",
        ),
        ("[customers.b]\npixels = { policy = 3 }\n", 2, "customers.b.pixels.policy"),
        ("[customers.'b.c'.pixels]\n\npolcy = 3\n", 3, "customers.b.c.pixels.polcy"),
        ("[customers.b]\n[customers.b.incoming]\nsettle_s = 1\n", 2, "customers.b.incoming"),
        ("[customers]\n\n'../b' = {}\n", 3, "customers.../b"),
        ("[vault]\n[customers.'b/c'.vault]\n", 2, "customers.b/c"),
        ("customers = 3\n", 1, "customers"),
        ("[customers]\nb = 3\n", 2, "customers.b"),
        ("backend = 3\n", 1, "backend"),
        ("[backend]\nmax_images = 1\nurl = 'http://example.org'\n", 3, "backend"),
        ("[backend]\nurl = 'ftp://example.org'\n", 2, "backend"),
        ("[backend]\nurl = 'https://'\n", 2, "backend"),
        ("[backend]\nurl = 'https://u:zq-secret-zq@example.org'\n", 2, "backend"),
        ("[backend]\nurl = 'https://example.org?k=zq-secret-zq'\n", 2, "backend"),
        ("[backend]\n\ntoken = 'zq-secret-zq'\n", 3, "backend.token"),
        ("[customers.b.backend]\ntoken = 'zq-secret-zq'\n", 2, "customers.b.backend.token"),
        ("[backend]\ntoken_file = 'absent'\n", 2, "backend"),
        ("[backend]\nca_file = 'absent'\n", 2, "backend"),
        ("[profile]\nretain_longitudinal_full_dates = true\n", 2, "profile"),
        (
            "[customers.b.profile]\nretain_uids = true\nretain_longitudinal_full_dates = true\n",
            3,
            "customers.b.profile",
        ),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, key: str
) -> None:
    said = refusal(tmp_path, text)
    assert said.startswith(f"{tmp_path}/gateway.toml, line {line}: {key}: ")
    assert SECRET not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[pixels\n", 1),
        ("[pixels]\n\npolicy = \n", 3),
        ("[pixels]\npolicy = 'all'\npolicy = 'all'\n", 3),
        ("[pixels]\npolicy = '''all\n\n", 2),
        ("[pixels]\npolicy zq-secret-zq\n", 2),
    ],
)
def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    said = refusal(tmp_path, text)
    assert said.startswith(f"{tmp_path}/gateway.toml, line {line}: not TOML")
    assert SECRET not in said


def test_what_is_no_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_bytes(b"# good\n# \xe4\n")
    with pytest.raises(SettingsError, match=r"gateway\.toml, line 2: not UTF-8"):
        load(tmp_path)


def test_every_fault_is_told_at_once_and_common_ones_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, "[pixels]\npolicy = 1\n[customers.b.vault]\nenabled = 'x'\n")
    assert [line.split(": ")[1] for line in said.splitlines()] == [
        "pixels.policy",
        "customers.b.vault.enabled",
    ]


def test_a_customer_overrides_single_keys(tmp_path: Path) -> None:
    written(
        tmp_path,
        '[pixels]\npolicy = "rules"\n[backend]\nurl = "https://ai.example.org"\nmax_images = 7\n'
        "[customers.b.backend]\nmax_images = 2\n[customers.b.profile]\nretain_uids = true\n",
    )
    settings = load(tmp_path)
    own = settings.of("b")
    assert (own.backend.max_images, own.backend.url) == (2, "https://ai.example.org")
    assert (own.pixels.policy, own.profile.retain_uids) == ("rules", True)
    assert (settings.of("c").backend.max_images, settings.of("c").profile.retain_uids) == (7, False)


def test_kinds_of_image_have_policies_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(
        tmp_path,
        '[pixels]\nby_modality = { XA = "identifiers" }\n'
        '[customers.b.pixels]\nby_modality = { US = "rules" }\n',
    )
    settings = load(tmp_path)
    assert [settings.of("c").pixels.of(kind) for kind in ("XA", "US", "")] == [
        "identifiers", "all", "all",
    ]  # fmt: skip
    assert [settings.of("b").pixels.of(kind) for kind in ("XA", "US")] == ["identifiers", "rules"]
    monkeypatch.setenv("IMG_INGESTION_PIXELS__BY_MODALITY", '{"CT": "identifiers"}')
    assert load(tmp_path).pixels.of("CT") == "identifiers"


def test_a_secret_comes_from_the_environment_and_never_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMG_INGESTION_BACKEND__TOKEN", SECRET)
    monkeypatch.setenv("IMG_INGESTION_BACKEND__URL", "https://ai.example.org")
    settings = load(tmp_path)
    assert settings.backend.token.get_secret_value() == SECRET
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_customer_with_its_own_backend_does_not_get_the_common_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMG_INGESTION_BACKEND__TOKEN", SECRET)
    written(
        tmp_path,
        '[customers.own.backend]\nurl = "https://other.example.org"\n'
        "[customers.common.backend]\nmax_images = 1\n",
    )
    settings = load(tmp_path)
    assert settings.of("own").backend.token.get_secret_value() == ""
    assert settings.of("common").backend.token.get_secret_value() == SECRET


@pytest.mark.parametrize(
    "name",
    [
        "IMG_INGESTION_BAKEND__TOKEN",
        "IMG_INGESTION_BACKEND__TOKN",
        "IMG_INGESTION_BACKEND",
        "IMG_INGESTION_LIMITS__MAX_FILE_BYTES",
        "IMG_INGESTION_CUSTOMERS__B__BACKEND__TOKEN",
    ],
)
def test_a_wrong_variable_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, SECRET)
    with pytest.raises(SettingsError, match="environment variable IMG_INGESTION_") as caught:
        load(tmp_path)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", ["", "  \n", "two\nlines", "é"])
def test_a_token_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "t").write_text(content, "utf-8")
    assert "backend: token_file" in refusal(tmp_path, "[backend]\ntoken_file = 't'\n")


def test_plain_http_goes_to_loopback_or_where_it_is_allowed(tmp_path: Path) -> None:
    for host in ("127.0.0.1:8080", "localhost", "[::1]:8080"):
        written(tmp_path, f"[backend]\nurl = 'http://{host}'\n")
        assert load(tmp_path).backend.url == f"http://{host}"
    written(tmp_path, "[backend]\nurl = 'http://example.org'\nallow_plain_http = true\n")
    assert load(tmp_path).backend.url == "http://example.org"


def test_settings_cannot_be_changed_after_the_door() -> None:
    with pytest.raises(ValidationError):
        Settings().pixels.policy = "rules"


def test_names_that_are_fixed_stay() -> None:
    known = tomllib.loads(example())
    assert "url" in known["backend"]
    assert known["pixels"]["policy"] == "all"
    assert known["rendering"] == {"mode": "display", "frames": "all"}
    assert known["vault"] == {"enabled": True}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[stow]\npassword = 'zq-secret-zq'\n", 2, "stow.password: a secret does not belong"),
        ("[backend]\n\napi_key = 'zq-secret-zq'\n", 3, "use IMG_INGESTION_BACKEND__API_KEY or api"),
        ("[backend]\nuser = 'u'\ntoken_file = 't'\n", 2, "user and token exclude each other"),
        ("[backend]\npassword_file = 't'\n", 1, "password has no user"),
        ("[backend]\nclient_key = 't'\n", 2, "client_key has no client_cert"),
        ("[backend]\nclient_cert = 'absent'\n", 2, "client_cert does not exist"),
        ("[backend]\napi_key_header = 'Authorization'\n", 2, "api_key_header"),
        ("[backend]\napi_key_header = 'x: zq-secret-zq'\n", 2, "api_key_header"),
        ("[backend]\nuser = 'a:zq-secret-zq'\n", 2, "user: is not of the form"),
        ("[backend]\nurl = 'https://a.org'\nproxy = 'http://u:zq-secret-zq@b'\n", 3, "proxy must"),
        ("[store]\nhost = 'pacs.example.org'\n", 2, "host is another machine and tls is false"),
        ("[stow]\nurl = 'http://pacs.example.org'\n", 2, "url is plain http to another machine"),
    ],
)
def test_a_wrong_endpoint_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    (tmp_path / "t").write_text(SECRET)
    said = refusal(tmp_path, text)
    assert said.startswith(f"{tmp_path}/gateway.toml, line {line}: ")
    assert says in said
    assert SECRET not in said


def test_every_secret_comes_from_a_file_and_never_prints(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(f"{SECRET}\n")
    text = "api_key_file = 't'\nuser = 'u'\npassword_file = 't'\nproxy_password_file = 't'\n"
    written(tmp_path, f"[backend]\n{text}[stow]\n{text}")
    settings = load(tmp_path)
    for endpoint in (settings.backend, settings.stow):
        for secret in (endpoint.api_key, endpoint.password, endpoint.proxy_password):
            assert secret.get_secret_value() == SECRET
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_customer_with_its_own_address_gets_no_common_credential(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(SECRET)
    common = (
        "url = 'https://a.org'\nproxy = 'http://p'\nproxy_user = 'q'\nproxy_password_file = 't'\n"
        "api_key_file = 't'\nuser = 'u'\npassword_file = 't'\nclient_cert = 't'\n"
    )
    own = "[customers.b.stow]\nurl = 'https://b.org'\n[customers.c.stow]\nproxy = 'http://q'\n"
    written(tmp_path, f"[stow]\n{common}{own}")
    settings = load(tmp_path)
    there, through = settings.of("b").stow, settings.of("c").stow
    assert (there.user, there.client_cert, there.api_key.get_secret_value()) == ("", "", "")
    assert (there.proxy_user, there.proxy_password.get_secret_value()) == ("q", SECRET)
    assert (through.proxy_user, through.proxy_password.get_secret_value()) == ("", "")
    assert (through.user, through.password.get_secret_value()) == ("u", SECRET)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IMG_INGESTION_PROFILE__RETAIN_LONGITUDINAL_FULL_DATES", "true"),
        ("IMG_INGESTION_BACKEND__URL", "ftp://somewhere"),
        ("IMG_INGESTION_LIMITS__MAX_CPU_S", "-1"),
    ],
)
def test_what_the_environment_got_wrong_is_said_of_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^environment variable {variable}: "):
        load(tmp_path)


@pytest.mark.parametrize("text", ["[incoming]\nsettle_s = inf", "[incoming]\ngive_up_s = nan"])
def test_a_time_has_an_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "gateway.toml").write_text(text)
    with pytest.raises(SettingsError, match="line 2"):
        load(tmp_path)


def test_every_nth_frame_may_be_a_number(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("[rendering]\nframes = 2")
    assert load(tmp_path).rendering.frames == "2"
