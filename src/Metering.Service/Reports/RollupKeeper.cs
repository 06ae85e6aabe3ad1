using System.Globalization;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Verification;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Reports;

/// <summary>
/// Keeps the roll-up: each minute it adds up the hours that are over, and days that late usage or another configuration has made wrong; the newest first, a day at a time.
/// Whoever writes usage of a day that is added up marks it in the same transaction (<see cref="RollupMarks"/>), so a day that is not marked is what the usage is, whatever runs at once.
/// </summary>
internal sealed partial class RollupKeeper(LedgerStore store, LedgerOptions options, TimeProvider clock, ILogger<RollupKeeper> log) : BackgroundService
{
    private const string Until = "rolled_until";
    private const long Hour = 3600;
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    /// <summary>Agents send what an hour had within this; what comes later is added up anew.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(2);

    /// <summary>Called at named moments; tests write usage there.</summary>
    internal Action<string>? FaultPoint { get; set; }

    /// <summary>Rows of usage that it has added up and charged.</summary>
    internal long RatedRows { get; private set; }

    /// <summary>Usage of buckets before this (Unix seconds) marks its day.</summary>
    internal static async Task<long> RolledUntilAsync(LedgerTransaction transaction) => await transaction.ScalarAsync(transaction.Command("SELECT value FROM meta WHERE key = @key", ("@key", Until))) ?? long.MinValue;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        try
        {
            do
            {
                try
                {
                    while (await StepAsync(stoppingToken))
                    {
                    }
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogTrouble(log, e.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; a day that was being added up is begun again.
        }
    }

    /// <summary>How far the roll-up is: days that are still to be added up, and the hour that all of it could reach now.</summary>
    public async Task<RollupView> ShowAsync(CancellationToken cancel)
    {
        var (sums, parts, until) = await PendingAsync(cancel);
        return new RollupView(sums.Count + parts.Count == 0, sums.Count + parts.Count, DateTimeOffset.FromUnixTimeSeconds(until));
    }

    /// <summary>Adds up one day, or makes its parts; false when there is none to do.</summary>
    internal async Task<bool> StepAsync(CancellationToken cancel)
    {
        var (sums, parts, until) = await PendingAsync(cancel);
        if (sums.Count > 0)
        {
            var day = sums[^1];
            await MarkAsync(day, Math.Min(day + Rollup.Day, until), cancel);
            await AddUpAsync(day, cancel);
            return true;
        }

        if (parts.Count == 0) return false;
        await AddUpAsync(parts[^1], cancel);
        return true;
    }

    // Days without sums that hold, and days whose sums do and that have no parts; oldest first.
    private async Task<(List<long> Sums, List<long> Parts, long Until)> PendingAsync(CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var until = (clock.GetUtcNow() - Grace).ToUnixTimeSeconds() / Hour * Hour;
        var (sums, parts) = (new List<long>(), new List<long>());
        if (await view.ScalarAsync(view.Command("SELECT MIN(bucket) FROM usage WHERE bucket < @until", ("@until", until))) is not { } first) return (sums, parts, until);
        var last = await view.ScalarAsync(view.Command("SELECT MAX(bucket) FROM usage WHERE bucket < @until", ("@until", until))) ?? first;
        var fingerprint = await RollupFingerprint.LoadAsync(view, await PriceCatalogue.LoadAsync(view.Context, cancel), options, cancel);
        var days = await Rollup.DaysAsync(connection, first, until, cancel);
        for (var day = first / Rollup.Day * Rollup.Day; day <= last; day += Rollup.Day)
        {
            if (!days.TryGetValue(day, out var row) || row.Until < Math.Min(day + Rollup.Day, until) || !row.Holds(fingerprint)) sums.Add(day);
            else if (!row.HasParts) parts.Add(day);
        }

        return (sums, parts, until);
    }

    // From here on whoever writes usage of the day marks it; who was writing has committed, and is in the view.
    private Task MarkAsync(long day, long until, CancellationToken cancel) => store.WriteAsync(async transaction =>
    {
        await LedgerGate.WaitAsync(transaction);
        await transaction.ExecuteAsync("""
            INSERT INTO rollup_day (day, until, arrivals, computed, config) VALUES (@day, @until, 1, 0, '')
            ON CONFLICT (day) DO UPDATE SET until = excluded.until, arrivals = rollup_day.arrivals + 1
            """, ("@day", day), ("@until", until));
        if (await RolledUntilAsync(transaction) >= until) return;
        await transaction.ExecuteAsync("INSERT INTO meta (key, value) VALUES (@key, @value) ON CONFLICT (key) DO UPDATE SET value = excluded.value", ("@key", Until), ("@value", until.ToString(CultureInfo.InvariantCulture)));
        await LedgerSnapshot.RaiseAsync(transaction);
    }, cancel);

    private async Task AddUpAsync(long day, CancellationToken cancel)
    {
        FaultPoint?.Invoke("marked");
        Rollup.DayRow row;
        List<RollupCell> former, cells;
        List<RollupPart>? parts;
        HashSet<string>? moved = null;
        string configuration;
        await using (var connection = await store.OpenReadAsync(cancel))
        await using (var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel))
        await using (var view = new LedgerTransaction(store, connection, snapshot))
        {
            row = (await Rollup.DaysAsync(connection, day, day + 1, cancel))[day];
            var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
            var fingerprint = await RollupFingerprint.LoadAsync(view, prices, options, cancel);
            configuration = fingerprint.Of(day);
            former = (await Rollup.CellsAsync(connection, day, day + 1, cancel)).GetValueOrDefault(day) ?? [];
            var (before, grain) = (await Rollup.BeforeAsync(view, day, prices, fingerprint, cancel), await LedgerGrain.ReadAsync(view, options));

            // Its own usage is what its parts were made of: only who comes to it in another state is charged anew.
            if (before is not null && row.Holds(fingerprint) && row.PartsOf == row.Computed) moved = Rollup.Moved(await RollupParts.BeginsAsync(connection, day, cancel), before, prices);
            (cells, parts, var rows) = moved is { Count: 0 } ? ([], [], 0) : await Rollup.ComputeAsync(view, day, row.Until, prices, grain, before, cancel, moved);
            RatedRows += rows;
        }

        FaultPoint?.Invoke("computed");
        await store.WriteAsync(async transaction =>
        {
            // Another replica may have gone further meanwhile: its sums stand.
            var mine = await transaction.ExecuteAsync("UPDATE rollup_day SET computed = @arrivals, config = @config WHERE day = @day AND until = @until AND computed <= @arrivals",
                ("@arrivals", row.Arrivals), ("@config", configuration), ("@day", day), ("@until", row.Until));
            if (mine == 0) return;
            if (moved is null && !former.ToHashSet().SetEquals(cells))
            {
                // What is charged on the days after it, up to the end of a month in any zone, depends on what was used before.
                await transaction.ExecuteAsync("UPDATE rollup_day SET parted = -(ABS(parted) + 1) WHERE day > @day AND day < @end", ("@day", day), ("@end", day + 33 * Rollup.Day));
                await Rollup.ReplaceAsync(transaction, day, cells, cancel);
            }

            // Days before it were added up anew meanwhile: its parts are made again.
            if (parts is null || await transaction.ExecuteAsync("UPDATE rollup_day SET parted = @arrivals, parts_of = @arrivals WHERE day = @day AND parted = @parted", ("@arrivals", row.Arrivals), ("@day", day), ("@parted", row.Parted)) == 0) return;
            await RollupParts.ReplaceAsync(transaction, day, parts, moved, cancel);
            FaultPoint?.Invoke("replaced");
        }, cancel);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The roll-up waits: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);
}
