"""One result type: what passes, what fails, and how it is printed."""

import pytest

from load.check_result import CheckResult, at_least, at_most, exit_code, print_results


def test_a_value_at_its_limit_passes_and_one_past_it_fails():
    assert [at_most("a", value, 2).passed for value in (1.9, 2.0, 2.1)] == [True, True, False]
    assert [at_least("a", value, 2).passed for value in (1.9, 2.0, 2.1)] == [False, True, True]


def test_a_value_that_was_not_measured_fails_and_says_so():
    for result in (at_least("a", None, 1), at_most("a", None, 1)):
        assert (result.found, result.passed, result.mark) == ("not measured", False, "FAIL")


def test_both_numbers_carry_the_unit_and_the_digits():
    result = at_most("p99", 2.5, 2, " s")
    assert (result.expected, result.found) == ("at most 2 s", "2.5 s")

    result = at_least("images", 15_930, 513)
    assert (result.expected, result.found) == ("at least 513", "15,930")

    result = at_least("ratio", 1.234, 1.1, digits=".2f")
    assert (result.expected, result.found) == ("at least 1.10", "1.23")


def test_results_are_printed_in_columns_and_one_failure_is_exit_code_1(capsys: pytest.CaptureFixture[str]):
    passed, failed = CheckResult("a", "1", "at most 2", True), CheckResult("longer", "3", "at most 2.5", False)

    print_results([passed, failed])

    assert capsys.readouterr().out.splitlines() == [
        "pass  a       expected: at most 2    found: 1",
        "FAIL  longer  expected: at most 2.5  found: 3",
    ]
    assert (exit_code([passed]), exit_code([passed, failed]), exit_code([])) == (0, 1, 0)
