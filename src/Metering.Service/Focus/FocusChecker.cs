using System.Text;

namespace Metering.Service.Focus;

/// <summary>
/// Checks the files of an export as they are written: every rule of the profile, row by row, over the bytes of the file. Give it the datasets in the order of <see cref="FocusDataset.Of"/>.
/// Where a column itself is wrong in a row (null, format, values), rules that tie it to others say nothing of that row.
/// </summary>
/// <param name="isSelection">The columns were chosen: that one is not there is no fault.</param>
internal sealed class FocusChecker(FocusProfile profile, bool isSelection = false)
{
    private readonly FocusTallies _tallies = new();
    private readonly List<FocusRuleRun> _done = [];
    private readonly SortedDictionary<string, long> _rows = new(StringComparer.Ordinal);
    private FocusRuleRun[] _ofColumns = [];
    private FocusRuleRun[] _ofRows = [];
    private bool[] _faulty = [];
    private FocusDataset? _dataset;
    private int _width;
    private long _row;

    /// <summary>A reader that takes the bytes of the dataset's file, header first; <see cref="End"/> when it is through.</summary>
    public FocusCsvReader Begin(FocusDataset dataset)
    {
        (_dataset, _row) = (dataset, -1);
        return new FocusCsvReader(Take);
    }

    public void End()
    {
        if (_row < 0) throw new FormatException("The file has no header.");
        _rows[_dataset!.Name] = _row;
        foreach (var run in _ofRows) run.Finish(_tallies);
        _done.AddRange(_ofColumns);
        _done.AddRange(_ofRows);
        (_ofColumns, _ofRows) = ([], []);
    }

    public FocusConformance Report()
    {
        var findings = _done.Select(run => run.Finding()).OrderBy(finding => finding.Rule, StringComparer.Ordinal).ToList();
        return new FocusConformance(profile.Version, FocusMetadata.Version, _rows, findings.Count, findings.Count(finding => finding.Violations > 0), findings);
    }

    private void Take(FocusCells cells)
    {
        if (_row++ < 0)
        {
            Header(cells);
            return;
        }

        if (cells.Count != _width) throw new FormatException($"Row {_row} has {cells.Count} fields, the header {_width}.");
        Array.Clear(_faulty);
        foreach (var run in _ofColumns)
        {
            if (!_faulty[run.Column] && !run.Check(cells, _row)) _faulty[run.Column] = true;
        }

        foreach (var run in _ofRows)
        {
            if (run.IsUntouched(_faulty)) run.Add(cells, _row, _tallies);
            else run.Skip();
        }
    }

    private void Header(FocusCells cells)
    {
        _width = cells.Count;
        _faulty = new bool[_width];
        var names = Enumerable.Range(0, _width).Select(i => Encoding.UTF8.GetString(cells[i])).ToList();
        var (ofColumns, ofRows) = (new List<FocusRuleRun>(), new List<FocusRuleRun>());
        foreach (var rule in FocusRules.Of(_dataset!, profile))
        {
            if (rule.Test == FocusTest.Names) _done.Add(FocusRuleRun.Decided(rule, FaultyName(names)));
            else if (rule.Test == FocusTest.Present && isSelection) continue;
            else if (rule.Test == FocusTest.Present) _done.Add(FocusRuleRun.Decided(rule, names.Contains(rule.Column) ? null : "the column is not there"));
            else if (rule.Columns.All(names.Contains)) (rule.IsOfColumn ? ofColumns : ofRows).Add(new FocusRuleRun(rule, names));
        }

        (_ofColumns, _ofRows) = ([.. ofColumns], [.. ofRows]);

        // What later datasets are held against; not when columns were chosen that do not tell it.
        if (_dataset == FocusDataset.InvoiceDetails && ofRows.Exists(run => run.Test == FocusTest.SumInMinorUnits)) _tallies.Details = [];
        if (_dataset == FocusDataset.BillingPeriods && ofRows.Exists(run => run.Test == FocusTest.Unique)) _tallies.Periods = [];
    }

    private string? FaultyName(List<string> names)
    {
        var known = _dataset!.Columns.Where(column => column.IsIn(profile)).Select(column => column.Name).ToHashSet(StringComparer.Ordinal);
        var ours = false;
        foreach (var name in names)
        {
            if (name.StartsWith("x_", StringComparison.Ordinal)) ours = true;
            else if (ours) return $"{name} stands after columns of ours";
            else if (!known.Contains(name)) return $"{name} is no column of FOCUS {profile.Version} {_dataset.Id}";
            if (name.Length > 50) return $"{name} is longer than 50";
        }

        return names.Distinct(StringComparer.Ordinal).Count() == names.Count ? null : "a column is there twice";
    }
}
