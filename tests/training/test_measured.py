"""What benchmarks found is written with how it was got, read again, and shown or said to be missing."""

import pytest

from stn_tutorial.training import team_tables
from stn_tutorial.training.measured import load_measured, write_measured
from stn_tutorial.training.tables import table
from stn_tutorial.training.team_tables import COLOCALIZED, PLACED_ROWS, SOLIDS, TEAMS, placed_findings


@pytest.mark.parametrize("name", TEAMS)
def test_a_table_of_what_is_not_recorded_says_so(name, tmp_path):
    text = table(name, tmp_path)
    assert "ot recorded" in text
    assert "Too little is recorded" in placed_findings(tmp_path)


def test_what_was_written_is_read_and_stands_in_the_table(tmp_path, few_digits):
    off = {"off_together_pixels": 4.0, "off_each_pixels": 2.0}
    found = [{"digit": 3, "patches": patches, "found_percent": 80.0 + patches} | off for patches in (0, 16, 16)]
    path = write_measured(COLOCALIZED, found, "python benchmarks/colocalization.py", few_digits, tmp_path)
    assert path.parent.name == COLOCALIZED and few_digits.fingerprint in path.read_text()
    assert load_measured(COLOCALIZED, tmp_path) == load_measured(COLOCALIZED, tmp_path, few_digits) == found
    assert load_measured(COLOCALIZED, tmp_path, few_digits.subset(100, 10)) == []
    assert "| 3 | 80 | 96, 96 | 4, 4 | 2, 2 |" in table(COLOCALIZED, tmp_path) and "75 to 93" in table(COLOCALIZED, tmp_path)
    solids = [{"reader": "shadow", "error_percent": error, "parameters": 5, "steps": 7} for error in (10.0, 12.0)]
    write_measured(SOLIDS, solids, "python benchmarks/solids.py", few_digits, tmp_path)
    assert "| shadow | 11.00 ± 1.41 | 2 | 5 | 7 |" in table(SOLIDS, tmp_path)


@pytest.mark.parametrize("content", ["", "[1]", '{"found": 3}', '{"found": [3]}'])
def test_a_damaged_file_is_named(content, tmp_path):
    (tmp_path / SOLIDS).mkdir()
    (tmp_path / SOLIDS / "measured.json").write_text(content)
    with pytest.raises(ValueError, match="cannot read the measurements .*measured.json"):
        load_measured(SOLIDS, tmp_path)


def test_a_table_of_placed_nets_has_a_row_for_each():
    assert [line.split("|")[1].strip() for line in table("mnist-placed").splitlines()[2 : 2 + len(PLACED_ROWS)]] == list(
        PLACED_ROWS.values()
    )


def test_findings_name_what_differs_by_more_than_both_spreads(monkeypatch):
    def runs_of(name, root):
        degrees = {"input": (6.0, 7.0), "chained-3": (3.0, 3.5), "shared": (5.0, 6.5)}.get(name.split("/")[1])
        if degrees is None or "-rts-" in name:
            return []
        return [{"test_error_percent": 1.0, "stillness": {"degrees": one, "pixels": None}} for one in degrees]

    monkeypatch.setattr(team_tables, "load_runs", runs_of)
    assert placed_findings() == "R, on the picture, 3 looks: less turning"
    monkeypatch.setattr(team_tables, "load_runs", lambda name, root: runs_of("mnist-r-placed/input", root))
    assert placed_findings() == "Nothing differs from one look on the picture by more than the spreads."
