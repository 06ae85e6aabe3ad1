using System.Data.Common;
using System.Globalization;
using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;
using Microsoft.Data.Sqlite;
using Npgsql;
using NpgsqlTypes;

namespace Metering.Service.Reports;

/// <summary>Tables <c>rollup</c> and <c>rollup_day</c>; see <see cref="RollupSchema"/>.</summary>
internal static class Rollup
{
    public const long Day = 86_400;

    /// <summary>A day as it is added up.</summary>
    /// <param name="Start">Of the day in UTC, Unix seconds.</param>
    /// <param name="Until">Buckets before this are in the sums.</param>
    /// <param name="PartsOf">The <paramref name="Computed"/> of which its parts were made, whether they hold or not.</param>
    public sealed record DayRow(long Start, long Until, long Arrivals, long Computed, string Configuration, long Parted, long PartsOf)
    {
        /// <summary>True when its parts were made of the same usage as its sums; of days that hold.</summary>
        public bool HasParts => Parted == Computed;

        /// <summary>True when the sums are those of the usage that the same view of the ledger has.</summary>
        public bool Holds(RollupFingerprint fingerprint) => Arrivals == Computed && Configuration == fingerprint.Of(Start);
    }

    /// <summary>Days from one instant to another, by their beginning.</summary>
    public static async Task<SortedDictionary<long, DayRow>> DaysAsync(DbConnection connection, long from, long to, CancellationToken cancel)
    {
        var days = new SortedDictionary<long, DayRow>();
        await using var command = VerifyRun.Command(connection, "SELECT day, until, arrivals, computed, config, parted, parts_of FROM rollup_day WHERE day > @from AND day < @to", ("@from", from - Day), ("@to", to));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) days[rows.GetInt64(0)] = new DayRow(rows.GetInt64(0), rows.GetInt64(1), rows.GetInt64(2), rows.GetInt64(3), rows.GetString(4), rows.GetInt64(5), rows.GetInt64(6));
        return days;
    }

    /// <summary>The cells of the days from one to another, in the order of time; by day.</summary>
    public static async Task<Dictionary<long, List<RollupCell>>> CellsAsync(DbConnection connection, long from, long to, CancellationToken cancel)
    {
        var cells = new Dictionary<long, List<RollupCell>>();
        await using var command = VerifyRun.Command(connection,
            "SELECT day, tenant, from_at, to_at, book, version, sku, CAST(base AS TEXT) FROM rollup WHERE day > @from AND day < @to ORDER BY day, from_at, tenant, book, version, sku", ("@from", from - Day), ("@to", to));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            if (!cells.TryGetValue(rows.GetInt64(0), out var list)) cells[rows.GetInt64(0)] = list = [];
            list.Add(new RollupCell(rows.GetString(1), rows.GetInt64(2), rows.GetInt64(3), rows.GetString(4), (int)rows.GetInt64(5), rows.GetString(6), Int128.Parse(rows.GetString(7), CultureInfo.InvariantCulture)));
        }

        return cells;
    }

    /// <summary>The cells from the beginning of each tenant's month to the day, in the order of time; null when some of them do not hold yet.</summary>
    public static async Task<List<RollupCell>?> BeforeAsync(LedgerTransaction view, long day, PriceCatalogue prices, RollupFingerprint fingerprint, CancellationToken cancel)
    {
        var begin = prices.Tenants.Keys.Select(tenant => TenantCalendar.PeriodOf(day, prices.ZoneOf(tenant)).Start).Append(day).Min();
        if (await view.ScalarAsync(view.Command("SELECT MIN(bucket) FROM usage WHERE bucket >= @begin AND bucket < @day", ("@begin", begin), ("@day", day))) is not { } first) return [];
        var days = await DaysAsync(view.Connection, first, day, cancel);
        for (var at = first / Day * Day; at < day; at += Day)
        {
            if (!days.TryGetValue(at, out var row) || row.Until < at + Day || !row.Holds(fingerprint)) return null;
        }

        var cells = await CellsAsync(view.Connection, first, day, cancel);
        return [.. cells.OrderBy(pair => pair.Key).SelectMany(pair => pair.Value)];
    }

    /// <summary>Adds up a day, up to an instant, in a view of the ledger.</summary>
    /// <param name="before">The cells of the days before it in each tenant's month, in the order of time; null: they are not known, and no parts are made.</param>
    /// <param name="only">Tenants; others are left out. Null: all.</param>
    /// <returns>With them how many rows were rated.</returns>
    public static async Task<(List<RollupCell> Cells, List<RollupPart>? Parts, long Rows)> ComputeAsync(
        LedgerTransaction view, long from, long until, PriceCatalogue prices, LedgerGrain grain, IEnumerable<RollupCell>? before, CancellationToken cancel, HashSet<string>? only = null)
    {
        var rater = After(before ?? [], new Rater(prices, prices.AsksTraits ? await TraitsReader.ReadAsync(view.Connection, cancel) : null));
        var (charges, rated) = (new List<Charge>(), 0L);
        var owners = await OwnerIndex.ReadAsync(view.Connection, from, until, cancel);
        var labels = await LabelEnds.ReadAsync(view.Connection, from, until, cancel);
        var (cells, parts) = (new List<RollupCell>(), before is null ? null : new List<RollupPart>());
        var open = new Dictionary<string, (OpenCell Cell, PartBuilder Part)>(StringComparer.Ordinal);
        await UsageStream.ReadAsync(view.Connection, from, until, (bucket, workload, estimated, values, known) =>
        {
            var owner = owners.At(workload, bucket);
            if (only is not null && !only.Contains(owner.Tenant)) return;
            rated++;
            var mine = rater.For(owner.Tenant);
            if (!open.TryGetValue(owner.Tenant, out var sums)) open[owner.Tenant] = sums = (new OpenCell(), new PartBuilder(owner.Tenant));
            var cut = mine.Enter(bucket);
            if (cut) sums.Cell.Close(owner.Tenant, cells);
            if (parts is not null && (cut || sums.Part.Window != RollupPart.WindowOf(bucket)))
            {
                if (sums.Part.End() is { } part) parts.Add(part);
                sums.Part.Begin(mine, bucket);
            }

            var end = bucket + grain.LengthAt(bucket);
            charges.Clear();
            mine.Rate(bucket, end - bucket, workload, values, known, charges);
            sums.Cell.Add(bucket, end, estimated, values, known, charges);
            if (parts is not null) sums.Part.Add(bucket, end, workload, owner, labels.After(workload, bucket), estimated, values, known, charges);
        }, cancel);
        foreach (var (tenant, sums) in open)
        {
            sums.Cell.Close(tenant, cells);
            if (parts is not null && sums.Part.End() is { } part) parts.Add(part);
        }

        return (cells, parts, rated);
    }

    /// <summary>
    /// The tenants whose parts of a day begin in another state than that of now, so that they are charged anew. By linear prices too: what a row is charged is a difference of rounded cumulative quantities.
    /// </summary>
    /// <param name="begins">Where the first part of each tenant begins, and in which state.</param>
    public static HashSet<string> Moved(IEnumerable<(string Tenant, long From, string State)> begins, IEnumerable<RollupCell> before, PriceCatalogue prices)
    {
        var (rater, moved) = (After(before, new Rater(prices)), new HashSet<string>(StringComparer.Ordinal));
        foreach (var (tenant, from, state) in begins)
        {
            rater.For(tenant).Enter(from);
            if (rater.For(tenant).State() != state) moved.Add(tenant);
        }

        return moved;
    }

    private static Rater After(IEnumerable<RollupCell> before, Rater rater)
    {
        var charges = new List<Charge>();
        foreach (var cell in before)
        {
            rater.For(cell.Tenant).Enter(cell.From);
            charges.Clear();
            if (cell.Book.Length > 0) rater.For(cell.Tenant).AddSum(cell.From, cell.Book, cell.Version, cell.Sku, cell.Base, charges);
        }

        return rater;
    }

    /// <summary>Replaces the cells of a day.</summary>
    public static async Task ReplaceAsync(LedgerTransaction transaction, long day, List<RollupCell> cells, CancellationToken cancel)
    {
        await transaction.ExecuteAsync("DELETE FROM rollup WHERE day = @day", ("@day", day));
        const string columns = "day, tenant, from_at, to_at, book, version, sku, base";
        if (transaction.Connection is NpgsqlConnection npgsql)
        {
            await using var copy = await npgsql.BeginBinaryImportAsync($"COPY rollup ({columns}) FROM STDIN (FORMAT BINARY)", cancel);
            foreach (var cell in cells)
            {
                await copy.StartRowAsync(cancel);
                await copy.WriteAsync(day, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(cell.Tenant, NpgsqlDbType.Text, cancel);
                await copy.WriteAsync(cell.From, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(cell.To, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(cell.Book, NpgsqlDbType.Text, cancel);
                await copy.WriteAsync((long)cell.Version, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(cell.Sku, NpgsqlDbType.Text, cancel);
                await copy.WriteAsync((System.Numerics.BigInteger)cell.Base, NpgsqlDbType.Numeric, cancel);
            }

            await copy.CompleteAsync(cancel);
            return;
        }

        using var insert = new SqliteStatement((SqliteConnection)transaction.Connection, $"INSERT INTO rollup ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        foreach (var cell in cells)
        {
            insert.Bind(1, day);
            insert.Bind(2, cell.Tenant);
            insert.Bind(3, cell.From);
            insert.Bind(4, cell.To);
            insert.Bind(5, cell.Book);
            insert.Bind(6, cell.Version);
            insert.Bind(7, cell.Sku);
            insert.Bind(8, cell.Base.ToString(CultureInfo.InvariantCulture));
            insert.Run();
        }
    }

    // One tenant's cell under way.
    private sealed class OpenCell
    {
        private readonly Dictionary<PriceLine, Int128> _sums = [];
        private readonly Dictionary<Meter, (Int128 Used, Int128 Reserved)> _idle = [];
        private long _from, _to, _rows;
        private Int128 _cpu, _estimated;

        public void Add(long bucket, long end, long estimated, ReadOnlySpan<long> values, int known, List<Charge> charges)
        {
            if (_rows++ == 0) _from = bucket;
            (_to, _cpu, _estimated) = (end, _cpu + values[MeterCatalogue.Cpu.Index], _estimated + estimated);

            // What a row counts is on one of its charges.
            foreach (ref readonly var charge in CollectionsMarshal.AsSpan(charges)) CollectionsMarshal.GetValueRefOrAddDefault(_sums, charge.Line, out _) += charge.Base;
            foreach (var (used, reserved) in RollupCell.Idle)
            {
                if ((known >> used.Index & 1) == 0 || (known >> reserved.Index & 1) == 0) continue;
                var (before, booked) = _idle.GetValueOrDefault(used);
                _idle[used] = (before + values[used.Index], booked + values[reserved.Index]);
            }
        }

        public void Close(string tenant, List<RollupCell> cells)
        {
            if (_rows == 0) return;
            cells.Add(new RollupCell(tenant, _from, _to, "", 0, "", _rows));
            cells.Add(new RollupCell(tenant, _from, _to, "", 0, RollupCell.Cpu, _cpu));
            cells.Add(new RollupCell(tenant, _from, _to, "", 0, RollupCell.Estimated, _estimated));
            foreach (var (meter, (used, reserved)) in _idle)
            {
                cells.Add(new RollupCell(tenant, _from, _to, "", 0, RollupCell.Used + meter.Name, used));
                cells.Add(new RollupCell(tenant, _from, _to, "", 0, RollupCell.Reserved + meter.Name, reserved));
            }

            foreach (var (line, sum) in _sums) cells.Add(new RollupCell(tenant, _from, _to, line.Book, line.Version, line.Sku, sum));
            _sums.Clear();
            _idle.Clear();
            (_rows, _cpu, _estimated) = (0, 0, 0);
        }
    }
}
