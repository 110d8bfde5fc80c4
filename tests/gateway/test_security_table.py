"""What holds against each threat to the gateway, and the tests that show it: the table to start from.

This file holds that every row has its tests, and that they are run: not renamed away, not skipped.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

TABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "a web page that talks to loopback": {
        "exact Host allowlist with port, first of all": (
            "gateway/test_security.py::test_host_is_checked_first_of_all",
            "gateway/test_server.py::test_hosts_that_are_let_in",
        ),
        "no Origin, no cross-site Sec-Fetch-Site": ("gateway/test_security.py::test_web_pages_are_not_answered",),
        "no CORS headers, no cookies, no GET with effects": (
            "gateway/test_security.py::test_no_cors_no_cookies_and_no_get_with_effects",
        ),
    },
    "other users of the machine": {
        "a key even on loopback": (
            "gateway/test_security.py::test_a_key_is_needed_on_loopback_too_and_files_are_the_owners",
            "gateway/test_errors.py::test_without_a_key",
        ),
        "data folder 0700, every file 0600, the WAL too, under any umask": (
            "gateway/test_bounds.py::test_other_users_files_are_the_owners_under_any_umask",
            "gateway/test_security.py::test_a_key_is_needed_on_loopback_too_and_files_are_the_owners",
            "ledger/test_store.py::test_files_are_the_owners_even_where_they_were_not",
            "gateway/test_server.py::test_the_admin_token_is_made_once_and_kept_close",
        ),
    },
    "a stolen store": {
        "keys as digests of 256 random bits, with a checksum": (
            "gateway/test_security.py::test_keys_have_256_bits_and_a_check_sum",
            "gateway/test_security.py::test_a_stolen_store_has_no_key_and_no_token",
        ),
        "no upstream key in the store": (
            "gateway/test_upstream_key.py::test_upstream_key_reaches_the_upstream_and_nothing_else",
        ),
    },
    "the upstream's key": {
        "environment, then the system keyring, then a 0600 file": (
            "gateway/test_upstream_key.py::test_upstream_key_environment_then_keyring_then_file",
            "gateway/test_upstream_key.py::test_upstream_key_of_a_background_gateway",
        ),
        "a file that others can read is refused": (
            "gateway/test_upstream_key.py::test_upstream_key_file_that_others_may_read_is_refused",
        ),
        "never on a command line": (
            "gateway/test_upstream_key.py::test_upstream_key_on_a_command_line_is_refused_and_not_repeated",
            "gateway/test_upstream_key.py::test_upstream_key_from_a_hidden_prompt",
        ),
    },
    "a wrong upstream": {
        "https, http on loopback only": (
            "gateway/test_security.py::test_upstreams_that_are_refused",
            "upstreams/test_relay_tls.py::test_certificate",
        ),
        "no redirects followed with a key": (
            "gateway/test_bounds.py::test_wrong_upstream_a_key_follows_no_redirect",
            "upstreams/test_relay_passing.py::test_a_redirect_is_not_followed",
        ),
        "an allowlist of forwarded headers, there and back": (
            "upstreams/test_relay_passing.py::test_raw_body_and_allowed_headers_only",
            "upstreams/test_relay_passing.py::test_headers_of_the_answer_are_an_allowlist",
        ),
    },
    "another program on our port": {
        "the gateway proves itself by a nonce before it gets a token": (
            "gateway/test_security.py::test_the_gateway_proves_itself",
            "client/test_proof.py::test_an_impostor_gets_no_token",
            "client/test_proof.py::test_passing_the_question_on_is_no_proof",
            "client/test_proof.py::test_the_port_is_proven_again_on_each_connection",
        ),
    },
    "memory and disk": {
        "a cap on the body, also after decompression": (
            "gateway/test_errors.py::test_a_body_over_the_cap_is_read_to_its_end_and_refused",
            "gateway/test_bounds.py::test_memory_and_disk_a_body_over_the_cap_is_read_on_for_a_while",
            "gateway/test_bounds.py::test_memory_and_disk_large_bodies_have_a_room_together_which_small_ones_do_not_need",
            "gateway/test_bounds.py::test_memory_and_disk_room_is_taken_at_once_for_a_size_that_is_announced",
            "gateway/test_bounds.py::test_memory_and_disk_a_compressed_body_takes_room_by_what_it_is",
            "gateway/test_bounds.py::test_a_large_body_is_read_while_others_are_answered",
            "gateway/test_attacks.py::test_a_body_that_never_ends_gives_its_slot_back",
            "gateway/test_errors.py::test_compressed_bodies",
            "gateway/test_bounds.py::test_memory_and_disk_a_bomb_from_the_upstream",
            "gateway/test_bounds.py::test_memory_and_disk_an_endless_list_of_models",
        ),
        "a cap on headers": (
            "gateway/test_security.py::test_headers_have_a_cap",
            "gateway/test_security.py::test_headers_without_an_end_are_cut_off",
        ),
        "stream buffers": (
            "gateway/test_bounds.py::test_memory_and_disk_an_event_without_an_end",
            "gateway/test_bounds.py::test_memory_and_disk_an_answer_without_an_end_that_is_translated",
            "gateway/test_bounds.py::test_memory_and_disk_a_client_that_does_not_read_stops_the_upstream",
            "gateway/test_attacks.py::test_pipelined_requests_are_answered_in_order_and_have_a_bound",
        ),
        "parallel requests per key": (
            "gateway/test_bounds.py::test_memory_and_disk_parallel_requests_of_one_key_have_a_bound",
        ),
        "log size": ("gateway/test_background_log.py::test_memory_and_disk_log_size_has_a_bound",),
        "requests that never end, floods of connections, a full disk": (
            "gateway/test_attacks.py::test_a_request_that_does_not_go_on_is_closed",
            "gateway/test_attacks.py::test_more_connections_than_files_end_by_themselves",
            "gateway/test_endings.py::test_a_full_disk_refuses_promptly_and_asks_no_upstream",
        ),
    },
    "spoofed addresses": {
        "the socket's peer decides": ("gateway/test_bounds.py::test_spoofed_addresses_are_not_believed",),
        "X-Forwarded-For only from configured proxies": (
            "gateway/test_policy.py::test_only_configured_proxies_are_believed",
        ),
    },
    "terminal injection": {
        "control characters out of everything that came over the wire": (
            "gateway/test_bounds.py::test_terminal_injection_no_control_character_is_shown",
            "gateway/test_security.py::test_control_characters_do_not_reach_the_records",
            "core/test_redaction.py::test_control_characters_cannot_reach_a_terminal",
        ),
    },
    "leaks": {
        "one redaction, at the logging root and in every report": (
            "gateway/test_background_log.py::test_leaks_no_secret_reaches_the_log",
            "core/test_redaction.py::test_shapes_of_secrets_are_masked",
            "gateway/test_fuzz.py::test_no_fault_no_hang_no_leak",
        ),
        "no bodies in logs": ("gateway/test_security.py::test_a_body_and_a_key_are_in_no_log",),
    },
}
PLACES = [(threat, what, place) for threat, held in TABLE.items() for what, places in held.items() for place in places]


@cache
def functions(file: str) -> dict[str, list[str]]:
    """Test functions of a file, each with its decorators as text."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {node.name: [ast.unparse(mark) for mark in node.decorator_list] for node in found}


@pytest.mark.parametrize(("threat", "what", "place"), PLACES, ids=[place.split("::")[1] for *_, place in PLACES])
def test_each_row_is_held(threat: str, what: str, place: str) -> None:
    file, name = place.split("::")
    tests = functions(file)
    assert name in tests, f"{threat}: {what}"
    assert not [mark for mark in tests[name] if "skip" in mark or "xfail" in mark], f"{threat}: {what}"


def test_tests_that_are_named_after_a_row_stand_in_it() -> None:
    rows = ("memory_and_disk", "upstream_key", "wrong_upstream", "spoofed_addresses", "terminal_injection", "leaks", "other_users")  # fmt: skip
    listed = {place for *_, place in PLACES}
    for file in sorted((TESTS / "gateway").glob("test_*.py")):
        for name in functions(f"gateway/{file.name}"):
            if name.startswith(tuple(f"test_{row}_" for row in rows)) and file.name != "test_upstream_key.py":
                assert f"gateway/{file.name}::{name}" in listed
