using System.Data.Common;
using Metering.Meters;

namespace Metering.Service.Verification;

/// <summary>
/// Proves the row of a host's workload <c>over-bound</c>: what the batches bill and the workloads' own rows do not have, meter by meter, is what it has.
/// Without such a row every difference is a discrepancy.
/// </summary>
internal sealed class OverBoundSums
{
    private readonly Int128[] _missing = new Int128[MeterCatalogue.All.Count];
    private readonly List<Discrepancy> _differences = [];
    private readonly List<Discrepancy> _excesses = [];
    private long[]? _row;

    /// <summary>The row itself, columns as <c>UsageCheck</c> reads them, and what the batches bill under its name.</summary>
    public void Take(DbDataReader row, UsageSum sum)
    {
        _row = [.. MeterCatalogue.All.Select(meter => Value(row, meter))];
        foreach (var meter in MeterCatalogue.All) _missing[meter.Index] += sum.Values[meter.Index];
    }

    /// <summary>A workload whose row, if any, differs from what the batches bill.</summary>
    public void Miss(DbDataReader? row, UsageSum sum, Discrepancy difference)
    {
        _differences.Add(difference);
        foreach (var meter in MeterCatalogue.All)
        {
            if (meter.Kind == MeterKind.Peak) continue;
            var left = sum.Values[meter.Index] - (row is null ? 0 : Value(row, meter));
            if (left < 0) _excesses.Add(difference);
            else _missing[meter.Index] += left;
        }
    }

    public IEnumerable<Discrepancy> Faults(string name)
    {
        if (_row is null) return _differences;
        var wrong = MeterCatalogue.All.Where(meter => meter.Kind != MeterKind.Peak && _row[meter.Index] != _missing[meter.Index])
            .Select(meter => new Discrepancy("usage", name, $"{meter.Column} is {_row[meter.Index]}, the batches bill {_missing[meter.Index]} beyond the other rows"));
        return [.. _excesses.Distinct(), .. wrong];
    }

    private static long Value(DbDataReader row, Meter meter) => row.IsDBNull(meter.Index + 5) ? 0 : row.GetInt64(meter.Index + 5);
}
