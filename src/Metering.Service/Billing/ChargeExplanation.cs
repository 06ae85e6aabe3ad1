using System.Data.Common;
using Metering.Messages;
using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Allocation;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Verification;
using Metering.Units;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Billing;

/// <summary>Walks a charge back to the kernel's readings, from what the ledger still has of them.</summary>
internal sealed class ChargeExplanation(LedgerStore store, LedgerOptions options)
{
    // What decides on a service credit, in the order in which it is read.
    private static readonly Meter[] Waiting = [MeterCatalogue.Cpu, MeterCatalogue.CpuReserved, MeterCatalogue.CpuThrottled, MeterCatalogue.CpuPressure, MeterCatalogue.Lifetime];

    /// <summary>Null when there is no such charge, or the caller may not see it.</summary>
    public async Task<ExplainedCharge?> ExplainAsync(string id, Caller caller, int maxBatches, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(caller, cancel);
        if (await ChargeStore.FindAsync(connection, id, cancel) is not { } charge || (caller.Tenant is not null && charge.Tenant != caller.Tenant)) return null;
        await using var context = await store.ReadContextAsync(caller, cancel);
        var stored = await context.Set<StoredPriceVersion>().AsNoTracking().FirstOrDefaultAsync(row => row.Book == charge.Book && row.Version == charge.Version, cancel);
        var version = stored?.Read();
        var line = version?.Prices.Select(price => PriceLine.From(price, charge.Book, charge.Version, charge.Currency)).FirstOrDefault(one => one.Sku == charge.Sku);
        var price = new ExplainedCharge.ExplainedPrice(
            charge.Book, charge.Version, version?.ValidFrom, version?.ValidTo, ModelName(line), charge.Tier, line?.TierFrom(charge.Tier) ?? 0, line?.TierTo(charge.Tier));
        var workload = await WorkloadAsync(connection, charge.Workload, cancel);
        var threshold = ServiceCredit.ThresholdOf(charge.Book, charge.Sku);
        var meters = threshold is null ? [(line?.Meter ?? AllocationSku.MeterOf(charge.Sku))!, line?.Reserved!] : Waiting;
        var (buckets, estimated) = workload is null ? ([], null) : threshold is { } percent ? (await WaitsAsync(connection, charge, percent, cancel), null) : await BucketsAsync(connection, charge, meters, cancel);
        var (batches, more) = workload is null ? ([], false) : await BatchesAsync(charge, workload, meters, maxBatches, cancel);
        return new ExplainedCharge(
            charge.Id, charge.Period, charge.Origin, charge.Tenant, charge.Day, workload, charge.Sku, threshold is null ? BasisName(line) : "reserved CPU time of the time that was waited, as far as it was not given", price, charge.Quantity, charge.Unit, charge.UnitPrice, charge.Cost, charge.Currency,
            FormattableString.Invariant($"{new Amount(charge.Nano * PriceLine.PriceScale)} {charge.Unit} × {charge.UnitPrice / 1.000000000000000000m} {charge.Currency} = {charge.Cost} {charge.Currency}"),
            (decimal?)charge.Used, (decimal?)charge.Reserved, At(charge.From), At(charge.To), workload is null ? null : await CoverageAsync(connection, workload.Host, charge, cancel), estimated, buckets, batches, more);
    }

    private static async Task<ExplainedCharge.ExplainedWorkload?> WorkloadAsync(DbConnection connection, long id, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, "SELECT key, kind, name, path, host FROM workload WHERE id = @id", ("@id", id));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        return await rows.ReadAsync(cancel) ? new ExplainedCharge.ExplainedWorkload(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4)) : null;
    }

    private async Task<(List<ExplainedCharge.Bucket> Buckets, decimal? Estimated)> BucketsAsync(DbConnection connection, ChargeEntry charge, Meter?[] meters, CancellationToken cancel)
    {
        var grain = await LedgerGrain.ReadAsync(connection, null, options, cancel);
        var buckets = new List<ExplainedCharge.Bucket>();
        decimal cpu = 0, estimated = 0;
        await using var command = VerifyRun.Command(connection,
            $"SELECT bucket, {meters[0]?.Column ?? "NULL"}, {meters[1]?.Column ?? "NULL"}, {MeterCatalogue.Cpu.Column}, estimated_us FROM usage WHERE bucket >= @from AND bucket < @to AND workload = @workload ORDER BY bucket",
            ("@from", charge.From), ("@to", charge.To), ("@workload", charge.Workload));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var bucket = rows.GetInt64(0);
            buckets.Add(new ExplainedCharge.Bucket(At(bucket), At(bucket + grain.LengthAt(bucket)), rows.IsDBNull(1) ? null : rows.GetInt64(1), rows.IsDBNull(2) ? null : rows.GetInt64(2)));
            (cpu, estimated) = (cpu + (rows.IsDBNull(3) ? 0 : rows.GetInt64(3)), estimated + rows.GetInt64(4));
        }

        return (buckets, cpu > 0 ? Math.Round(estimated / cpu, 6) : null);
    }

    // The same rule over the same rows as when it was rated; late usage that is not billed yet is in them.
    private async Task<List<ExplainedCharge.Bucket>> WaitsAsync(DbConnection connection, ChargeEntry charge, decimal threshold, CancellationToken cancel)
    {
        var grain = await LedgerGrain.ReadAsync(connection, null, options, cancel);
        var buckets = new List<ExplainedCharge.Bucket>();
        await using var command = VerifyRun.Command(connection, $"SELECT bucket, {string.Join(", ", Waiting.Select(meter => meter.Column))} FROM usage WHERE bucket >= @from AND bucket < @to AND workload = @workload ORDER BY bucket",
            ("@from", charge.From), ("@to", charge.To), ("@workload", charge.Workload));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var values = new long[MeterCatalogue.All.Count];
        while (await rows.ReadAsync(cancel))
        {
            var (bucket, known) = (rows.GetInt64(0), 0);
            for (var i = 0; i < Waiting.Length; i++)
            {
                if (rows.IsDBNull(i + 1)) continue;
                values[Waiting[i].Index] = rows.GetInt64(i + 1);
                known |= 1 << Waiting[i].Index;
            }

            var length = grain.LengthAt(bucket);
            var wait = CpuWait.Of(values, known, length * 1_000_000);
            buckets.Add(new ExplainedCharge.Bucket(At(bucket), At(bucket + length), CpuWait.Value(MeterCatalogue.Cpu, values, known), CpuWait.Value(MeterCatalogue.CpuReserved, values, known))
            {
                Waited = wait?.Waited, There = wait?.There, Credited = ServiceCredit.Credited(threshold, values, known, length * 1_000_000),
            });
        }

        return buckets;
    }

    private static async Task<decimal?> CoverageAsync(DbConnection connection, string host, ChargeEntry charge, CancellationToken cancel)
    {
        decimal covered = 0, expected = 0;
        await using var command = VerifyRun.Command(connection, "SELECT covered_us, expected_us FROM coverage WHERE bucket >= @from AND bucket < @to AND host = @host", ("@from", charge.From), ("@to", charge.To), ("@host", host));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) (covered, expected) = (covered + rows.GetInt64(0), expected + rows.GetInt64(1));
        return expected > 0 ? Math.Round(covered / expected, 6) : null;
    }

    // By index receipt_agent_window. A batch is a host's, with every tenant on it; of it the records of the one workload are shown, which the caller was seen to own.
    private async Task<(List<ExplainedCharge.Batch> Batches, bool More)> BatchesAsync(
        ChargeEntry charge, ExplainedCharge.ExplainedWorkload workload, Meter?[] meters, int max, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        var batches = new List<ExplainedCharge.Batch>();
        await using var command = VerifyRun.Command(connection, """
            SELECT a.epoch, r.first_sequence, r.sequence, r.hash, r.window_start, r.window_end, b.bytes FROM agent a JOIN receipt r ON r.agent = a.id LEFT JOIN batch b ON b.agent = r.agent AND b.sequence = r.sequence
            WHERE a.host = @host AND r.quarantined = 0 AND r.window_end > @from AND r.window_start < @to AND r.window_start < r.window_end ORDER BY r.window_end, a.epoch, r.sequence
            """, ("@host", workload.Host), ("@from", charge.From * 1_000_000), ("@to", charge.To * 1_000_000));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var readings = new List<ExplainedCharge.Reading>();
            var expired = rows.IsDBNull(6);
            foreach (var record in expired ? [] : UsageBatch.Parser.ParseFrom((byte[])rows[6]).Workloads.Where(record => record.Kind == workload.Kind && record.Id == workload.Id))
            {
                foreach (var reading in record.Meters)
                {
                    if (MeterCatalogue.TryFind(reading.Meter, out var meter) && meters.Contains(meter))
                        readings.Add(new ExplainedCharge.Reading(record.Path, record.Inode, record.Origin.ToString().ToLowerInvariant(), reading.Generation, reading.Start, reading.End, reading.Quantity) { Meter = meter.Name });
                }
            }

            if (readings.Count == 0 && !expired) continue;
            if (batches.Count == max) return (batches, true);
            batches.Add(new ExplainedCharge.Batch(
                rows.GetString(0), rows.GetInt64(1), rows.GetInt64(2), Convert.ToHexStringLower((byte[])rows[3]), UnixTime.FromMicroseconds(rows.GetInt64(4)), UnixTime.FromMicroseconds(rows.GetInt64(5)), readings, expired));
        }

        return (batches, false);
    }

    // As a price version spells them.
    private static string ModelName(PriceLine? line) => line?.Model switch
    {
        null => "",
        PriceModel.PerUnit => "per-unit",
        { } model => model.ToString().ToLowerInvariant(),
    };

    private static string BasisName(PriceLine? line) => line?.Basis switch
    {
        null => "",
        PriceBasis.Larger => "max(usage, reservation)",
        { } basis => basis.ToString().ToLowerInvariant(),
    };

    private static DateTimeOffset At(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds);
}
