using System.Data.Common;
using System.Globalization;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Allocation;

/// <summary>Splits the cost of hosts while stored usage streams by, in canonical order. State: the uses of the bucket that is open, and which hosts were metered when.</summary>
internal sealed class AllocationStream
{
    /// <summary>Told of a row of a bucket.</summary>
    public delegate void Row(AllocationBook.Version version, long bucket, long end, in Allocated allocated);

    private readonly AllocationBook _book;
    private readonly LedgerGrain _grain;
    private readonly Row _write;
    private readonly Dictionary<long, string> _hostOf = [];
    private readonly Dictionary<string, WorkloadTraits> _traits = new(StringComparer.Ordinal);
    private readonly SortedDictionary<long, List<string>> _metered = [];
    private readonly Dictionary<(AllocationBook.Version, string), AllocationBook.Rate?> _rates = [];
    private readonly List<HostUse> _uses = [];
    private long _bucket = long.MinValue;

    private AllocationStream(AllocationBook book, LedgerGrain grain, Row write) => (_book, _grain, _write) = (book, grain, write);

    /// <summary>From one instant to another, Unix seconds: feed it all usage of that time.</summary>
    public static async Task<AllocationStream> OpenAsync(DbConnection connection, AllocationBook book, LedgerGrain grain, long from, long to, Row write, CancellationToken cancel)
    {
        var stream = new AllocationStream(book, grain, write);
        await using (var command = Command(connection, "SELECT host, labels FROM agent ORDER BY last_seen_at, id"))
        {
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel)) stream._traits[rows.GetString(0)] = WorkloadTraits.Unknown with { Host = rows.GetString(0), HostLabels = TraitsReader.Labels(rows.GetString(1)) };
        }

        await using (var command = Command(connection, "SELECT id, host FROM workload"))
        {
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel)) stream._hostOf[rows.GetInt64(0)] = rows.GetString(1);
        }

        await using (var command = Command(connection, string.Create(CultureInfo.InvariantCulture, $"SELECT bucket, host FROM coverage WHERE bucket >= {from} AND bucket < {to}")))
        {
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                if (!stream._metered.TryGetValue(rows.GetInt64(0), out var hosts)) stream._metered[rows.GetInt64(0)] = hosts = [];
                hosts.Add(rows.GetString(1));
            }
        }

        return stream;
    }

    public void Add(string tenant, long bucket, long workload, ReadOnlySpan<long> values, int known)
    {
        if (bucket != _bucket) Flush(bucket);
        if (!_hostOf.TryGetValue(workload, out var host) || _book.At(bucket) is not { } version) return;
        var basis = version.Given.BasisOrNull ?? PriceBasis.Usage;
        _uses.Add(new HostUse(host, tenant, workload, Use(values, known, basis, MeterCatalogue.Cpu, MeterCatalogue.CpuReserved), Use(values, known, basis, MeterCatalogue.Memory, MeterCatalogue.MemoryReserved)));
    }

    /// <summary>Gives out what is left.</summary>
    public void Finish() => Flush(long.MaxValue);

    // The open bucket, and those before the next one in which hosts were metered and nothing was used.
    private void Flush(long next)
    {
        if (_uses.Count > 0 && !_metered.ContainsKey(_bucket)) _metered[_bucket] = [];
        foreach (var (bucket, hosts) in _metered.TakeWhile(pair => pair.Key < next).ToList())
        {
            _metered.Remove(bucket);
            if (_book.At(bucket) is not { } version) continue;
            var uses = bucket == _bucket ? _uses : [];
            var end = bucket + _grain.LengthAt(bucket);
            var rated = hosts.Concat(uses.Select(use => use.Host)).Distinct(StringComparer.Ordinal).Select(host => (host, Rate: RateOf(version, host))).Where(one => one.Rate is not null).Select(one => (one.host, one.Rate!));
            foreach (var row in Allocator.Split(version, bucket, end, rated, uses)) _write(version, bucket, end, row);
        }

        _uses.Clear();
        _bucket = next;
    }

    private AllocationBook.Rate? RateOf(AllocationBook.Version version, string host)
    {
        if (_rates.TryGetValue((version, host), out var known)) return known;
        var traits = _traits.GetValueOrDefault(host) ?? WorkloadTraits.Unknown with { Host = host };
        return _rates[(version, host)] = Array.Find(version.Rates, rate => rate.Match is null || rate.Match.Matches(traits));
    }

    private static long Use(ReadOnlySpan<long> values, int known, PriceBasis basis, Meter meter, Meter reserved)
    {
        var used = (known & (1 << meter.Index)) != 0 ? values[meter.Index] : 0;
        var held = (known & (1 << reserved.Index)) != 0 ? values[reserved.Index] : 0;
        return basis switch { PriceBasis.Reservation => held, PriceBasis.Larger => Math.Max(used, held), _ => used };
    }

    private static DbCommand Command(DbConnection connection, string sql)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        return command;
    }
}
