using System.Text;
using Metering.Service.Focus;

namespace Metering.Tests.Focus;

/// <summary>A dataset as rows of texts, to be changed and written as CSV.</summary>
internal sealed class FocusTable(FocusDataset dataset, FocusProfile profile)
{
    public FocusDataset Dataset => dataset;

    public List<string> Header { get; } = [.. dataset.Columns.Where(column => column.IsIn(profile)).Select(column => column.Name)];

    public List<Dictionary<string, string>> Rows { get; } = [];

    /// <summary>Adds a row of <c>Column=value</c>, one a line; what is not named is null.</summary>
    public FocusTable Add(string text)
    {
        var row = Header.ToDictionary(name => name, _ => "", StringComparer.Ordinal);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)) Set(row, line);
        Rows.Add(row);
        return this;
    }

    /// <summary>Adds a row like another one, with some columns changed.</summary>
    public FocusTable Like(int row, string text)
    {
        var copy = new Dictionary<string, string>(Rows[row], StringComparer.Ordinal);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)) Set(copy, line);
        Rows.Add(copy);
        return this;
    }

    public byte[] Csv() => Encoding.UTF8.GetBytes(string.Concat(Rows.Select(row => Header.Select(name => row.GetValueOrDefault(name, ""))).Prepend(Header).Select(cells => string.Join(',', cells.Select(cell => Encoding.UTF8.GetString(FocusCsv.Field(cell)))) + "\r\n")));

    // Columns of another profile are passed over.
    public static void Set(Dictionary<string, string> row, string line)
    {
        var cut = line.IndexOf('=');
        if (row.ContainsKey(line[..cut])) row[line[..cut]] = line[(cut + 1)..];
    }

    public static FocusConformance Check(FocusProfile profile, params FocusTable[] tables)
    {
        var checker = new FocusChecker(profile);
        foreach (var table in tables)
        {
            var reader = checker.Begin(table.Dataset);
            reader.Push(table.Csv());
            reader.End();
            checker.End();
        }

        return checker.Report();
    }
}
