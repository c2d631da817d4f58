from __future__ import annotations

import datetime as dt

from cryptography import x509

from xds_server.webhook.certificates import SETTLE, Lives, Material, advance, from_secret

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NAMES = ("pilotfish.istio-system.svc",)
LIVES = Lives()


def test_what_is_made_is_read_back_and_kept() -> None:
    made = advance(None, NAMES, NOW, LIVES, published=False)
    assert from_secret(made.as_secret()) == made
    assert advance(made, NAMES, NOW + 30 * DAY, LIVES, published=True) is made


def test_what_cannot_be_read_is_made_anew() -> None:
    data = advance(None, NAMES, NOW, LIVES, published=False).as_secret()
    other = advance(None, NAMES, NOW, LIVES, published=False).as_secret()
    for broken in ({}, {**data, "ca.key": b""}, {**data, "tls.crt": b"?"}, {**data, "tls.key": other["tls.key"]}):
        assert from_secret(broken) is None


def test_no_key_is_printed() -> None:
    made = advance(None, NAMES, NOW, LIVES, published=False)
    assert "KEY" not in repr(made)
    assert "KEY" not in repr(made.serving)


def test_the_serving_certificate_is_renewed_in_time_and_for_other_names() -> None:
    made = advance(None, NAMES, NOW, LIVES, published=True)
    renewed = advance(made, NAMES, NOW + 61 * DAY, LIVES, published=True)
    assert renewed.authorities == made.authorities
    assert renewed.serving != made.serving
    named = advance(made, ("other.svc",), NOW, LIVES, published=True)
    assert named.serving != made.serving


def test_a_rotation_goes_in_steps() -> None:
    first = advance(None, NAMES, NOW, Lives(serving=4000 * DAY), published=True)
    lives = Lives(serving=4000 * DAY)
    later = NOW + 2500 * DAY
    second = advance(first, NAMES, later, lives, published=True)
    assert second.authorities[0] == first.authorities[0]
    assert len(second.authorities) == 2
    assert second.serving == first.serving
    # Not before it is published, and not before API servers have had time to notice.
    assert advance(second, NAMES, later + 2 * SETTLE, lives, published=False) is second
    assert advance(second, NAMES, later + SETTLE / 2, lives, published=True) is second
    third = advance(second, NAMES, later + SETTLE, lives, published=True)
    assert third.authorities == second.authorities
    assert signed_by(third, 1)
    last = advance(third, NAMES, NOW + 3651 * DAY, lives, published=True)
    assert last.authorities == third.authorities[1:]
    assert last.serving == third.serving


def test_after_everything_has_ended_it_begins_anew() -> None:
    first = advance(None, NAMES, NOW, LIVES, published=True)
    anew = advance(first, NAMES, NOW + 4000 * DAY, LIVES, published=True)
    assert anew.authorities != first.authorities
    assert signed_by(anew, 0)


def signed_by(material: Material, index: int) -> bool:
    authority = x509.load_pem_x509_certificate(material.authorities[index])
    x509.load_pem_x509_certificate(material.serving.certificate).verify_directly_issued_by(authority)
    return True
