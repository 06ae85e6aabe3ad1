namespace Metering.Tests.Faults;

/// <summary>A fault of the catalogue.</summary>
/// <param name="Tests">Tests that cover it, as <c>Class.Method</c>.</param>
/// <param name="Open">What no test covers yet; empty: nothing.</param>
internal sealed record Fault(string Area, int Number, string What, string MustHold, IReadOnlyList<string> Tests, string Open)
{
    /// <summary>Reads the catalogue: <c>== AREA</c> and <c>number | fault | what must hold | tests | open</c>.</summary>
    public static IReadOnlyList<Fault> Read(IEnumerable<string> lines)
    {
        var (faults, area) = (new List<Fault>(), "");
        foreach (var line in lines.Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line.StartsWith("== ", StringComparison.Ordinal))
            {
                area = line[3..];
                continue;
            }

            var cells = line.Split('|', StringSplitOptions.TrimEntries);
            if (cells.Length != 5) throw new FormatException($"'{line}' has {cells.Length} cells and not 5.");
            faults.Add(new Fault(area, int.Parse(cells[0], System.Globalization.CultureInfo.InvariantCulture), cells[1], cells[2], cells[3].Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries), cells[4]));
        }

        return faults;
    }
}
