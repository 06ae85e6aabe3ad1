using System.Data.Common;
using System.Globalization;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
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
    public sealed record DayRow(long Start, long Until, long Arrivals, long Computed, string Configuration)
    {
        /// <summary>True when the sums are those of the usage that the same view of the ledger has.</summary>
        public bool Holds(RollupFingerprint fingerprint) => Arrivals == Computed && Configuration == fingerprint.Of(Start);
    }

    /// <summary>Days from one instant to another, by their beginning.</summary>
    public static async Task<SortedDictionary<long, DayRow>> DaysAsync(DbConnection connection, long from, long to, CancellationToken cancel)
    {
        var days = new SortedDictionary<long, DayRow>();
        await using var command = VerifyRun.Command(connection, "SELECT day, until, arrivals, computed, config FROM rollup_day WHERE day > @from AND day < @to", ("@from", from - Day), ("@to", to));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) days[rows.GetInt64(0)] = new DayRow(rows.GetInt64(0), rows.GetInt64(1), rows.GetInt64(2), rows.GetInt64(3), rows.GetString(4));
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

    /// <summary>Adds up a part of a day in a view of the ledger.</summary>
    public static async Task<List<RollupCell>> ComputeAsync(LedgerTransaction view, long from, long until, PriceCatalogue prices, LedgerGrain grain, CancellationToken cancel)
    {
        var traits = prices.AsksTraits ? await TraitsReader.ReadAsync(view.Connection, cancel) : null;
        var rater = new Rater(prices, traits);
        var cells = new List<RollupCell>();
        var open = new Dictionary<string, OpenCell>(StringComparer.Ordinal);
        await UsageStream.ReadAsync(view.Connection, from, until, (tenant, bucket, workload, values, known) =>
        {
            var mine = rater.For(tenant);
            if (!open.TryGetValue(tenant, out var cell)) open[tenant] = cell = new OpenCell();
            if (mine.Enter(bucket)) cell.Close(tenant, cells);
            cell.Add(mine, bucket, grain.LengthAt(bucket), workload, values, known);
        }, cancel);
        foreach (var (tenant, cell) in open) cell.Close(tenant, cells);
        return cells;
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

        public void Add(TenantRater rater, long bucket, long bucketSeconds, long workload, ReadOnlySpan<long> values, int known)
        {
            if (_rows++ == 0) _from = bucket;
            _to = bucket + bucketSeconds;
            foreach (var (line, _) in rater.Lines(workload, bucket))
            {
                if (line.TryBase(values, known, bucketSeconds, out var quantity)) _sums[line] = _sums.GetValueOrDefault(line) + quantity;
            }

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
            foreach (var (meter, (used, reserved)) in _idle)
            {
                cells.Add(new RollupCell(tenant, _from, _to, "", 0, RollupCell.Used + meter.Name, used));
                cells.Add(new RollupCell(tenant, _from, _to, "", 0, RollupCell.Reserved + meter.Name, reserved));
            }

            foreach (var (line, sum) in _sums) cells.Add(new RollupCell(tenant, _from, _to, line.Book, line.Version, line.Sku, sum));
            _sums.Clear();
            _idle.Clear();
            _rows = 0;
        }
    }
}
