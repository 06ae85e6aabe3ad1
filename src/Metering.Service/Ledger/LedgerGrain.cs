using System.Data.Common;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Metering.Service.Ledger;

/// <summary>
/// How long buckets are: <see cref="Coarse"/> seconds, and 15 minutes from <see cref="FineFrom"/> on. What is stored stays as it is; a bound of a zone, price, contract or rule that is no bound
/// of an hour makes the grain fine from the next hour. Kept in table <c>meta</c>; all replicas see it with the group after it changed.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct LedgerGrain(long Coarse, long FineFrom = long.MaxValue)
{
    public const long Fine = 900;

    private const string Key = "grain_fine_from";

    /// <summary>A grain that is the same at all times.</summary>
    public static implicit operator LedgerGrain(long seconds) => new(seconds);

    public static LedgerGrain FromInt64(long seconds) => new(seconds);

    /// <summary>Length of the bucket that holds the instant, seconds.</summary>
    public long LengthAt(long seconds) => seconds >= FineFrom ? Math.Min(Fine, Coarse) : Coarse;

    /// <summary>The bound at or before the instant.</summary>
    public long Floor(long seconds)
    {
        var length = LengthAt(seconds);
        return seconds - ((seconds % length) + length) % length;
    }

    /// <summary>The bound at or after the instant.</summary>
    public long Ceiling(long seconds) => Floor(seconds) is var floor && floor == seconds ? seconds : floor + LengthAt(floor);

    /// <summary>Adds a fault when the instant is no bound of buckets, naming the nearest two.</summary>
    internal void Check(string field, DateTimeOffset? at, List<Fault> faults)
    {
        if (at is not { } instant) return;
        var seconds = instant.ToUnixTimeSeconds();
        if (Floor(seconds) == seconds && instant.Ticks % TimeSpan.TicksPerSecond == 0) return;
        var before = Floor(seconds);
        faults.Add(new Fault(field, $"{instant:O} lies within a bucket; the nearest bounds are {DateTimeOffset.FromUnixTimeSeconds(before):O} and {DateTimeOffset.FromUnixTimeSeconds(before + LengthAt(before)):O}."));
    }

    /// <summary>The grain as it is now.</summary>
    public static async Task<LedgerGrain> ReadAsync(LedgerStore store, LedgerOptions options, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        return await ReadAsync(connection, null, options, cancel);
    }

    /// <summary>The grain in a view of the ledger.</summary>
    public static async Task<LedgerGrain> ReadAsync(DbConnection connection, DbTransaction? view, LedgerOptions options, CancellationToken cancel)
    {
        await using var command = connection.CreateCommand();
        (command.CommandText, command.Transaction) = (Select, view);
        return new LedgerGrain(options.GrainSeconds, Parse(await command.ExecuteScalarAsync(cancel)));
    }

    /// <summary>The grain of this transaction.</summary>
    public static async Task<LedgerGrain> ReadAsync(LedgerTransaction transaction, LedgerOptions options) => new(options.GrainSeconds, await FineFromAsync(transaction));

    internal static async Task<long> FineFromAsync(LedgerTransaction transaction) => Parse(await transaction.Command(Select).ExecuteScalarAsync());

    /// <summary>
    /// Makes the grain fine if one of the instants (Unix seconds) or a step of less than an hour needs it and it can be in time. Instants that are bounds already, or that can not be made bounds because
    /// hours are stored there or are being filled, change nothing: <see cref="Check"/> refuses those.
    /// </summary>
    public static async Task<LedgerGrain> RefineAsync(LedgerTransaction transaction, LedgerOptions options, IEnumerable<long> instants, long step, DateTimeOffset now)
    {
        var grain = await ReadAsync(transaction, options);
        if (grain.Coarse <= Fine) return grain;
        var earliest = await EarliestAsync(transaction, now);
        var needed = step < 3600 || instants.Any(at => at % 3600 != 0 && at % Fine == 0 && at >= earliest);
        if (!needed || earliest >= grain.FineFrom) return grain;
        await transaction.ExecuteAsync("INSERT INTO meta (key, value) VALUES (@key, @value) ON CONFLICT (key) DO UPDATE SET value = excluded.value", ("@key", Key), ("@value", earliest.ToString(CultureInfo.InvariantCulture)));
        await LedgerSnapshot.RaiseAsync(transaction);
        return grain with { FineFrom = earliest };
    }

    // The next hour, or the one after what is stored (an agent's clock may be ahead). An hour that begins within a minute is left out: a replica may be writing it by the old grain.
    private static async Task<long> EarliestAsync(LedgerTransaction transaction, DateTimeOffset now)
    {
        if (await transaction.ScalarAsync(transaction.Command("SELECT MAX(bucket) FROM usage")) is not { } last) return 0;
        return Math.Max((now.ToUnixTimeSeconds() + 60) / 3600 * 3600 + 3600, last / 3600 * 3600 + 3600);
    }

    private const string Select = "SELECT value FROM meta WHERE key = '" + Key + "'";

    private static long Parse(object? stored) => stored is string text ? long.Parse(text, CultureInfo.InvariantCulture) : long.MaxValue;
}
