using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Identity;
using Metering.Safety;
using Microsoft.Data.Sqlite;

namespace Metering.Agent.Journal;

/// <summary>
/// The agent's memory: numbered batches and the baselines they end at, in SQLite. One connection, which is the only writer and the only checkpointer.
/// A batch leaves when the ledger, not the broker, has committed it, and <see cref="JournalOptions.Keep"/> later.
/// </summary>
internal sealed class AgentJournal : IDisposable
{
    // What this version writes; one that writes otherwise stores its own number as 'format', which versions before this one did not look at.
    private const ulong Format = 1;

    private readonly object _gate = new();
    private readonly SqliteConnection _connection;
    private readonly FileStream? _lock;
    private readonly JournalOptions _options;
    private readonly SafetyRule _rules;
    private ulong _storedCommitted;

    private AgentJournal(SqliteConnection connection, FileStream? fileLock, JournalOptions options, SafetyRule rules)
    {
        (_connection, _lock, _options, _rules) = (connection, fileLock, options, rules);
    }

    /// <summary>Random id of this journal: (epoch, sequence) names a batch for ever.</summary>
    public string Epoch { get; private set; } = "";

    public string Host { get; private set; } = "";

    /// <summary>Boot of the last stored pass; null before the first.</summary>
    public string? BootId { get; private set; }

    /// <summary>Nominal instant of the last stored pass; null before the first.</summary>
    public long? LastPassMicroseconds { get; private set; }

    /// <summary>The clock since boot at the last stored pass, microseconds; null before the first, and in a journal of a version that did not store it.</summary>
    public long? BootMicroseconds { get; private set; }

    /// <summary>What the first pass of this epoch found; null before it.</summary>
    public BeforeMetering? Before { get; private set; }

    public ulong NextSequence { get; private set; } = 1;

    /// <summary>What the ledger reports as committed, contiguous from 1.</summary>
    public ulong Committed { get; private set; }

    /// <summary>Batches up to here may have been sent to someone, and are never changed again.</summary>
    public ulong Offered { get; private set; }

    public long BatchBytes { get; private set; }

    public long DamagedRows { get; private set; }

    /// <summary>Baselines grew by this much since they were last stored whole.</summary>
    public long DeltaBytes { get; private set; }

    public long WholeBytes { get; private set; }

    /// <summary>
    /// Opens the journal of a data directory, or makes one with a new epoch. Throws <see cref="UserErrorException"/> when another agent has it or the directory can not be used.
    /// </summary>
    public static AgentJournal Open(string directory, string host, JournalOptions options, SafetyRule rules = SafetyRule.All)
    {
        FileStream fileLock;
        try
        {
            Directory.CreateDirectory(directory);
            fileLock = JournalLock.Take(directory);
            PrivateFile.Create(Path.Combine(directory, "journal.db"));
        }
        catch (IOException e)
        {
            throw new UserErrorException($"The data directory '{directory}' can not be written: {e.Message} Make room or give another --data.", inner: e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UserErrorException($"The data directory '{directory}' can not be written: {e.Message} Give one with --data that this user owns.", inner: e);
        }

        try
        {
            return OpenFile(Path.Combine(directory, "journal.db"), fileLock, host, options, rules);
        }
        catch
        {
            fileLock.Dispose();
            throw;
        }
    }

    internal static AgentJournal OpenFile(string file, FileStream? fileLock, string host, JournalOptions options, SafetyRule rules = SafetyRule.All)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false, DefaultTimeout = 5 }.ToString());
        try
        {
            connection.Open();
            Execute(connection, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=0; PRAGMA busy_timeout=5000; PRAGMA journal_size_limit=4194304; PRAGMA cache_size=-2000");
            Execute(connection, """
                CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS batch (sequence INTEGER PRIMARY KEY, first_sequence INTEGER NOT NULL, window_start INTEGER NOT NULL,
                    window_end INTEGER NOT NULL, hash BLOB NOT NULL, bytes BLOB NOT NULL);
                CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY AUTOINCREMENT, whole INTEGER NOT NULL, bytes BLOB NOT NULL)
                """);
            var journal = new AgentJournal(connection, fileLock, options, rules);
            journal.Load(host);
            return journal;
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw new UserErrorException($"The journal '{file}' can not be opened: {e.Message}. Move it away to start a new epoch (what was not shipped yet stays in the old file).", inner: e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The stored baselines, oldest first: a whole state and what changed since.</summary>
    public List<byte[]> States()
    {
        lock (_gate)
        {
            if ((_rules & SafetyRule.BaselineSurvivesRestart) == 0) return [];
            using var command = Command("SELECT bytes FROM state WHERE id >= COALESCE((SELECT MAX(id) FROM state WHERE whole = 1), 0) ORDER BY id");
            using var rows = command.ExecuteReader();
            var states = new List<byte[]>();
            while (rows.Read()) states.Add((byte[])rows[0]);
            return states;
        }
    }

    /// <summary>
    /// Stores a pass: batches, baselines and marks in one transaction. Throws <see cref="JournalFullException"/> when it can not be stored; nothing has changed then.
    /// </summary>
    public void Append(PassEntry pass)
    {
        lock (_gate)
        {
            try
            {
                Bound(pass);
                using var transaction = _connection.BeginTransaction(deferred: false);
                Store(pass);
                transaction.Commit();
            }
            catch (SqliteException e)
            {
                throw new JournalFullException($"The journal can not be written: {e.Message}", e);
            }

            foreach (var batch in pass.Batches)
            {
                BatchBytes += batch.Bytes.Length;
                NextSequence = batch.Sequence + 1;
            }

            _storedCommitted = Committed;
            (LastPassMicroseconds, BootId, BootMicroseconds, Before) = (pass.PassMicroseconds, pass.BootId, pass.BootMicroseconds, pass.Before ?? Before);
            (WholeBytes, DeltaBytes) = pass.WholeState ? (pass.State.Length, 0) : (WholeBytes, DeltaBytes + pass.State.Length);
        }
    }

    /// <summary>
    /// Batches from <paramref name="from"/> on, at most <paramref name="limit"/>. A row whose bytes no longer match their hash is left out and counted.
    /// </summary>
    public List<(EncodedBatch Batch, byte[] Hash)> Read(ulong from, int limit)
    {
        lock (_gate)
        {
            using var command = Command("SELECT first_sequence, sequence, window_start, window_end, bytes, hash FROM batch WHERE sequence >= $from ORDER BY sequence LIMIT $limit");
            command.Parameters.AddWithValue("$from", (long)from);
            command.Parameters.AddWithValue("$limit", limit);
            using var rows = command.ExecuteReader();
            var batches = new List<(EncodedBatch, byte[])>();
            while (rows.Read())
            {
                var batch = new EncodedBatch((ulong)rows.GetInt64(0), (ulong)rows.GetInt64(1), rows.GetInt64(2), rows.GetInt64(3), (byte[])rows[4]);
                var hash = (byte[])rows[5];
                if (BatchHash.Of(batch.Bytes).AsSpan().SequenceEqual(hash)) batches.Add((batch, hash));
                else DamagedRows++;
            }

            return batches;
        }
    }

    /// <summary>Oldest batch that is still here; null when there is none.</summary>
    public ulong? Oldest()
    {
        lock (_gate)
        {
            return Scalar("SELECT MIN(first_sequence) FROM batch") is { } value ? (ulong)value : null;
        }
    }

    /// <summary>Durably notes that batches up to here may leave the host, before the first of them does.</summary>
    public void Offer(ulong sequence)
    {
        lock (_gate)
        {
            if (sequence <= Offered) return;
            if ((_rules & SafetyRule.OfferIsDurableBeforePublish) == 0)
            {
                Offered = sequence;
                return;
            }

            using var transaction = _connection.BeginTransaction(deferred: false);
            SetMeta("offered", sequence.ToString(CultureInfo.InvariantCulture));
            transaction.Commit();
            Offered = sequence;
        }
    }

    /// <summary>
    /// The ledger has committed everything up to here. True when that is less than it said before: it was restored from a backup, and what it lost is sent again.
    /// </summary>
    public bool Acknowledge(ulong committed)
    {
        lock (_gate)
        {
            var regressed = committed < Committed;
            if (regressed && (_rules & SafetyRule.ResendAfterLedgerRestore) == 0) return false;
            Committed = Math.Min(committed, NextSequence - 1);
            return regressed;
        }
    }

    /// <summary>Writes the acknowledged mark, on a clean stop; a pass does it by itself.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            if (_storedCommitted == Committed) return;
            using var transaction = _connection.BeginTransaction(deferred: false);
            SetMeta("committed", Committed.ToString(CultureInfo.InvariantCulture));
            transaction.Commit();
            _storedCommitted = Committed;
        }
    }

    /// <summary>
    /// Another journal has used our numbers (a restored copy, a cloned machine): nothing here can be told from it any more. A new epoch begins, its first pass is a baseline.
    /// </summary>
    public void BeginNewEpoch()
    {
        lock (_gate)
        {
            using var transaction = _connection.BeginTransaction(deferred: false);
            Execute(_connection, "DELETE FROM batch; DELETE FROM state; DELETE FROM meta WHERE key <> 'host'");
            Epoch = EpochId.New();
            SetMeta("epoch", Epoch);
            transaction.Commit();
            (NextSequence, Committed, Offered, _storedCommitted, BatchBytes, BootId, LastPassMicroseconds) = (1, 0, 0, 0, 0, null, null);
            (BootMicroseconds, Before) = (null, null);
        }
    }

    public void Dispose()
    {
        _connection.Dispose();
        _lock?.Dispose();
    }

    private void Load(string host)
    {
        var meta = new Dictionary<string, string>(StringComparer.Ordinal);
        using (var command = Command("SELECT key, value FROM meta"))
        using (var rows = command.ExecuteReader())
        {
            while (rows.Read()) meta[rows.GetString(0)] = rows.GetString(1);
        }

        if (Number("format") > Format)
            throw new UserErrorException($"The journal '{_connection.DataSource}' was written by a newer version of the agent (format {meta["format"]}, this one knows {Format}); start that version, or move the journal away to start a new epoch (what was not shipped yet stays in the old file).");
        if (!meta.TryGetValue("epoch", out var epoch))
        {
            epoch = EpochId.New();
            using var transaction = _connection.BeginTransaction(deferred: false);
            SetMeta("epoch", epoch);
            SetMeta("host", host);
            transaction.Commit();
            meta["host"] = host;
        }

        if (meta["host"] != host)
            throw UserErrorException.Usage($"This journal belongs to host '{meta["host"]}', not '{host}'; set Agent:HostId to the former or give another --data.");
        Epoch = epoch;
        Host = host;
        Committed = _storedCommitted = Number("committed");
        Offered = Number("offered");
        BootId = meta.GetValueOrDefault("boot_id");
        LastPassMicroseconds = meta.TryGetValue("last_pass", out var last) ? long.Parse(last, CultureInfo.InvariantCulture) : null;
        BootMicroseconds = meta.TryGetValue("boot_clock", out var boot) ? long.Parse(boot, CultureInfo.InvariantCulture) : null;
        Before = meta.ContainsKey("before_us") ? new BeforeMetering(Number("before_us"), (int)Number("before_cgroups")) : null;
        NextSequence = (_rules & SafetyRule.SequenceSurvivesRestart) != 0 ? Math.Max(Number("next_sequence"), 1) : 1;
        BatchBytes = Scalar("SELECT COALESCE(SUM(LENGTH(bytes)), 0) FROM batch") ?? 0;

        ulong Number(string key) => meta.TryGetValue(key, out var text) ? ulong.Parse(text, CultureInfo.InvariantCulture) : 0;
    }

    private void Store(PassEntry pass)
    {
        using (var insert = Command("INSERT OR REPLACE INTO batch (sequence, first_sequence, window_start, window_end, hash, bytes) VALUES ($s, $f, $ws, $we, $h, $b)"))
        {
            foreach (var batch in pass.Batches) Insert(insert, batch);
        }

        if ((_rules & SafetyRule.BaselineStoredWithBatch) != 0)
        {
            using var state = Command("INSERT INTO state (whole, bytes) VALUES ($w, $b)");
            state.Parameters.AddWithValue("$w", pass.WholeState ? 1 : 0);
            state.Parameters.AddWithValue("$b", pass.State);
            state.ExecuteNonQuery();
            if (pass.WholeState) Execute(_connection, "DELETE FROM state WHERE id < (SELECT MAX(id) FROM state WHERE whole = 1)");
        }

        SetMeta("next_sequence", (pass.Batches.Count > 0 ? pass.Batches[^1].Sequence + 1 : NextSequence).ToString(CultureInfo.InvariantCulture));
        SetMeta("last_pass", pass.PassMicroseconds.ToString(CultureInfo.InvariantCulture));
        SetMeta("boot_id", pass.BootId);
        SetMeta("boot_clock", pass.BootMicroseconds.ToString(CultureInfo.InvariantCulture));
        if (pass.Before is { } before)
        {
            SetMeta("before_us", before.CpuMicroseconds.ToString(CultureInfo.InvariantCulture));
            SetMeta("before_cgroups", before.Cgroups.ToString(CultureInfo.InvariantCulture));
        }

        SetMeta("committed", Committed.ToString(CultureInfo.InvariantCulture));
    }

    // Within the bound: done batches past their time go; then done batches before it; then unoffered ones are merged; then nothing more is taken.
    private void Bound(PassEntry pass)
    {
        long incoming = 0;
        foreach (var batch in pass.Batches) incoming += batch.Bytes.Length;
        var keepFrom = pass.PassMicroseconds - _options.Keep.Ticks / TimeSpan.TicksPerMicrosecond;
        Delete("sequence <= $c AND window_end < $t", keepFrom);
        if (BatchBytes + incoming <= _options.MaxBytes) return;
        Delete("sequence <= $c AND sequence IN (SELECT sequence FROM batch WHERE sequence <= $c ORDER BY sequence LIMIT 256)", keepFrom);
        if (BatchBytes + incoming <= _options.MaxBytes) return;
        MergeUnoffered();

        // A pass that is larger than the bound by itself is taken by an empty journal: refusing it would stop metering for good.
        if (BatchBytes > 0 && BatchBytes + incoming > _options.MaxBytes)
            throw new JournalFullException($"The journal holds {BatchBytes:N0} bytes that the service has not committed, its bound (Journal:MaxBytes) is {_options.MaxBytes:N0}.");
    }

    private void Delete(string where, long keepFrom)
    {
        var done = (_rules & SafetyRule.KeepUntilLedgerCommits) != 0 ? Committed : Offered;
        using var sum = Command("SELECT COALESCE(SUM(LENGTH(bytes)), 0) FROM batch WHERE " + where);
        sum.Parameters.AddWithValue("$c", (long)done);
        sum.Parameters.AddWithValue("$t", keepFrom);
        var bytes = (long)sum.ExecuteScalar()!;
        if (bytes == 0) return;
        sum.CommandText = "DELETE FROM batch WHERE " + where;
        sum.ExecuteNonQuery();
        BatchBytes -= bytes;
    }

    private void MergeUnoffered()
    {
        var from = (_rules & SafetyRule.OfferedBatchesAreNotMerged) != 0 ? Offered : Committed;
        using var transaction = _connection.BeginTransaction(deferred: false);
        long before = 0, after = 0;
        var waiting = new List<EncodedBatch>();
        foreach (var (batch, _) in Read(from + 1, int.MaxValue))
        {
            if (waiting.Count > 0 && !BatchMerger.MayJoin(waiting, batch)) MergeGroup(waiting, ref before, ref after);
            waiting.Add(batch);
        }

        MergeGroup(waiting, ref before, ref after);
        transaction.Commit();
        BatchBytes += after - before;
    }

    private void MergeGroup(List<EncodedBatch> group, ref long before, ref long after)
    {
        if (group.Count > 1)
        {
            var merged = BatchMerger.Merge(group);
            if (merged.Bytes.Length > BatchMerger.MaxMergedBytes)
            {
                // Too large for one message: each half by itself.
                MergeGroup(group[..(group.Count / 2)], ref before, ref after);
                MergeGroup(group[(group.Count / 2)..], ref before, ref after);
                group.Clear();
                return;
            }

            using var delete = Command("DELETE FROM batch WHERE sequence BETWEEN $f AND $s");
            delete.Parameters.AddWithValue("$f", (long)merged.FirstSequence);
            delete.Parameters.AddWithValue("$s", (long)merged.Sequence);
            delete.ExecuteNonQuery();
            using var insert = Command("INSERT INTO batch (sequence, first_sequence, window_start, window_end, hash, bytes) VALUES ($s, $f, $ws, $we, $h, $b)");
            Insert(insert, merged);
            foreach (var batch in group) before += batch.Bytes.Length;
            after += merged.Bytes.Length;
        }

        group.Clear();
    }

    private static void Insert(SqliteCommand insert, EncodedBatch batch)
    {
        insert.Parameters.Clear();
        insert.Parameters.AddWithValue("$s", (long)batch.Sequence);
        insert.Parameters.AddWithValue("$f", (long)batch.FirstSequence);
        insert.Parameters.AddWithValue("$ws", batch.StartMicroseconds);
        insert.Parameters.AddWithValue("$we", batch.EndMicroseconds);
        insert.Parameters.AddWithValue("$h", BatchHash.Of(batch.Bytes));
        insert.Parameters.AddWithValue("$b", batch.Bytes);
        insert.ExecuteNonQuery();
    }

    private void SetMeta(string key, string value)
    {
        using var command = Command("INSERT INTO meta (key, value) VALUES ($k, $v) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
        command.Parameters.AddWithValue("$k", key);
        command.Parameters.AddWithValue("$v", value);
        command.ExecuteNonQuery();
    }

    private long? Scalar(string sql)
    {
        using var command = Command(sql);
        return command.ExecuteScalar() is long value ? value : null;
    }

    private SqliteCommand Command(string sql)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        return command;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
