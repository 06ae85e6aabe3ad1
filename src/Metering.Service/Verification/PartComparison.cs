using System.Data.Common;
using System.Text.Json;
using Metering.Meters;
using Metering.Service.Reports;

namespace Metering.Service.Verification;

/// <summary>The parts of a day that are stored, beside those that its rows make.</summary>
internal static class PartComparison
{
    private static readonly string[] Columns = [PartUsage.Rows, PartUsage.Estimated, PartUsage.Unscraped, .. MeterCatalogue.All.Select(meter => meter.Column)];

    /// <summary>How a day is made again, as the end of a sentence.</summary>
    public static string Remedy(long day) => $"after 'UPDATE rollup_day SET arrivals = arrivals + 1 WHERE day = {day}' reports read the day's rows, and the service makes it again within a minute";

    /// <summary>The first part that differs; null: none does.</summary>
    public static async Task<Discrepancy?> RunAsync(DbConnection connection, long day, IEnumerable<RollupPart> anew, CancellationToken cancel)
    {
        List<RollupPart> charged;
        try
        {
            charged = await RollupParts.ReadAsync(connection, day, null, charged: true, cancel);
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException)
        {
            return new Discrepancy("rollup_part", $"day={day}", $"the lines of a part can not be read ({e.Message.TrimEnd('.')}); {Remedy(day)}");
        }

        var used = (await RollupParts.ReadAsync(connection, day, null, charged: false, cancel)).ToDictionary(part => (part.Tenant, part.From));
        var stored = charged.ToDictionary(part => (part.Tenant, part.From));
        foreach (var part in anew)
        {
            var key = (part.Tenant, part.From);
            var fault = stored.Remove(key, out var mine) && used.TryGetValue(key, out var other) ? Fault(part, mine, other.Used) : "it is missing";
            if (fault is not null) return new Discrepancy("rollup_part", Key(day, part), $"{fault}; {Remedy(day)}");
        }

        return stored.Count == 0 ? null : new Discrepancy("rollup_part", Key(day, stored.Values.First()), $"no row is in it; {Remedy(day)}");
    }

    private static string? Fault(RollupPart anew, RollupPart stored, byte[] used)
    {
        if (stored.To != anew.To) return $"it ends at {stored.To}, its rows end at {anew.To}";
        if (!used.AsSpan().SequenceEqual(anew.Used)) return First(Read(() => Usage(used)), Usage(anew.Used), "of usage", "the rows add up to");
        if (stored.State != anew.State) return "it is charged after other usage of the month than there is";
        if (!stored.Lines.SequenceEqual(anew.Lines)) return "its prices and tiers are not those that its rows are charged by";
        return stored.Charged.AsSpan().SequenceEqual(anew.Charged) ? null : First(Read(() => Charges(stored)), Charges(anew), "of charges", "the rows are charged");
    }

    // Figures are told of the first that differ; of bytes that can not be read, that they can not.
    private static string First(List<(string What, Int128 Value)>? stored, List<(string What, Int128 Value)> anew, string of, string rows)
    {
        if (stored is null) return $"its bytes {of} can not be read";
        for (var i = 0; i < Math.Min(stored.Count, anew.Count); i++)
        {
            if (stored[i] == anew[i]) continue;
            return stored[i].What == anew[i].What ? $"{stored[i].What} is {stored[i].Value}, {rows} {anew[i].Value}" : $"it has {stored[i].What} where the rows have {anew[i].What}";
        }

        return $"it has {stored.Count} figures {of}, the rows have {anew.Count}";
    }

    private static List<(string What, Int128 Value)>? Read(Func<List<(string What, Int128 Value)>> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IndexOutOfRangeException or ArgumentException or OverflowException)
        {
            return null;
        }
    }

    private static List<(string What, Int128 Value)> Usage(byte[] bytes)
    {
        var figures = new List<(string What, Int128 Value)>();
        var used = new PartUsage(bytes);
        var (workloads, sinces) = (used.Column(PartUsage.Workloads), used.Column(PartUsage.Since));
        var columns = Columns.Select(used.Column).ToArray();
        var workload = 0L;
        for (var entry = 0; entry < used.Entries; entry++)
        {
            workload += PackedNumbers.Read(bytes, ref workloads);
            var since = PackedNumbers.Read(bytes, ref sinces) * PartCharges.Unit;
            for (var i = 0; i < columns.Length; i++)
            {
                if (columns[i] < 0) continue;
                var value = (Int128)PackedNumbers.ReadWide(bytes, ref columns[i]);

                // Of a meter one more than the sum, so that what is not known is not 0.
                if (i < 3 || value > 0) figures.Add(($"{Columns[i]} of workload {workload} from +{since} s", i < 3 ? value : value - 1));
            }
        }

        return figures;
    }

    private static List<(string What, Int128 Value)> Charges(RollupPart part)
    {
        var figures = new List<(string What, Int128 Value)>();
        var entries = new PartCharges(part);
        while (entries.Next())
        {
            while (entries.NextCharge(out var line, out var nano)) figures.Add(($"the quantity of {part.Lines[line].Sku} in tier {part.Lines[line].Tier} of workload {entries.Workload}, in 10⁻⁹ units,", nano));
        }

        return figures;
    }

    private static string Key(long day, RollupPart part) => $"day={day} tenant={part.Tenant} from_at={part.From}";
}
