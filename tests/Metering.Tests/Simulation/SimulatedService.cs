using System.Data.Common;
using Metering.Messages;
using Metering.Safety;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Tests.Support;

namespace Metering.Tests.Simulation;

/// <summary>The service's side: a real ledger on a real SQLite file, whose process may end in the middle of a transaction and whose file may come back from a backup.</summary>
internal sealed class SimulatedService : IDisposable
{
    private readonly string _file;
    private readonly FakeClock _clock;
    private readonly SafetyRule _rules;
    private LedgerStore _store = null!;
    private GroupWriter _writer = null!;
    private string? _backup;

    public SimulatedService(string directory, FakeClock clock, SafetyRule rules)
    {
        (_file, _clock, _rules) = (Path.Combine(directory, "ledger.db"), clock, rules);
        Open();
    }

    public LedgerStore Store => _store;

    /// <summary>Where the process ends at the next write; null: nowhere.</summary>
    public string? CrashAt { get; set; }

    public DateTimeOffset BackupAt { get; private set; }

    /// <summary>Writes a group, or dies in it: then the answers are null and a new process has started.</summary>
    public IngestAnswer[]? Write(IReadOnlyList<byte[]> bodies)
    {
        var group = bodies.Select(body =>
        {
            var batch = BatchDecoder.Decode(body, _clock.GetUtcNow(), out var fault);
            return new GroupItem(new Delivery(body, "simulation", batch.Host), batch, fault, null);
        }).ToList();
        try
        {
            return _writer.WriteAsync(group, CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (SimulatedCrashException)
        {
            NewWriter();
            return null;
        }
    }

    public void Backup()
    {
        Close();
        _backup = _file + ".backup";
        File.Copy(_file, _backup, overwrite: true);
        BackupAt = _clock.GetUtcNow();
        Open();
    }

    public bool Restore()
    {
        if (_backup is null) return false;
        Close();
        File.Copy(_backup, _file, overwrite: true);
        Open();
        return true;
    }

    public Downlink Mark(string host, string epoch) => DownlinkQuery.FindAsync(_store, host, epoch, CancellationToken.None).GetAwaiter().GetResult()!;

    /// <summary>Sums of the ledger: CPU and bytes by host.</summary>
    public Dictionary<string, (ulong Microseconds, ulong Bytes)> Sums() =>
        Rows("SELECT w.host, SUM(u.cpu_us), SUM(u.io_read_bytes) FROM usage u JOIN workload w ON w.id = u.workload GROUP BY w.host", row => (row.GetString(0), (Number(row, 1), Number(row, 2)))).ToDictionary();

    public Dictionary<(string Host, string Path), ulong> ByPath() =>
        Rows("SELECT w.host, w.path, SUM(u.cpu_us) FROM usage u JOIN workload w ON w.id = u.workload GROUP BY w.host, w.path", row => ((row.GetString(0), row.GetString(1)), Number(row, 2))).ToDictionary();

    public List<string> Rows(string sql) => Rows(sql, row => row.GetString(0));

    public decimal? QuotaUse() => Rows("SELECT used_low FROM quota_window", row => (decimal?)row.GetDecimal(0)).FirstOrDefault();

    public void Execute(Func<LedgerTransaction, Task> work) => _store.WriteAsync(work, CancellationToken.None).GetAwaiter().GetResult();

    public void Dispose() => Close();

    private static ulong Number(DbDataReader row, int column) => row.IsDBNull(column) ? 0 : (ulong)row.GetInt64(column);

    private List<T> Rows<T>(string sql, Func<DbDataReader, T> read)
    {
        using var connection = _store.OpenReadAsync(CancellationToken.None).GetAwaiter().GetResult();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var rows = command.ExecuteReader();
        var found = new List<T>();
        while (rows.Read()) found.Add(read(rows));
        return found;
    }

    private void Open()
    {
        var options = new LedgerOptions { ConnectionString = "Data Source=" + _file };
        _store = LedgerStore.Create(options);
        _store.OpenAsync(CancellationToken.None).GetAwaiter().GetResult();
        NewWriter();
    }

    private void NewWriter() => _writer = new GroupWriter(_store, new LedgerOptions { ConnectionString = "Data Source=" + _file }, _clock, [new QuotaEvaluator()], _rules)
    {
        FaultPoint = at =>
        {
            if (at != CrashAt) return;
            CrashAt = null;
            throw new SimulatedCrashException();
        },
    };

    private void Close() => _store.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
