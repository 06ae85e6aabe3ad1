using System.Runtime.InteropServices;
using System.Text.Json;
using Metering.Identity;
using Metering.Messages;
using Metering.Meters;
using Metering.Safety;
using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>
/// Writes a group of batches in one transaction: receipts, usage merged by workload and bucket, coverage, marks, gaps, and what the listeners add.
/// Merging before writing is what makes a backlog drain fast: ten passes of a workload cost one row. One group at a time.
/// </summary>
internal sealed class GroupWriter(LedgerStore store, LedgerOptions options, TimeProvider clock, IEnumerable<IUsageListener> listeners, SafetyRule rules = SafetyRule.All)
{
    private static readonly Meter[] Meters = [.. MeterCatalogue.All];
    private readonly ILedgerBulk _bulk = store.IsPostgres ? new PostgresBulk() : new SqliteBulk();
    private readonly IUsageListener[] _listeners = [.. listeners];
    private readonly WorkloadDirectory _directory = new(options.MaxNewWorkloads);
    private readonly Newborns _newborns = new();
    private readonly Dictionary<(long Bucket, WorkloadEntry Workload), UsageRow> _rows = [];
    private readonly Stack<UsageRow> _spare = new();
    private LedgerSnapshot _snapshot = LedgerSnapshot.Empty;

    /// <summary>Called at named moments; tests crash there.</summary>
    internal Action<string>? FaultPoint { get; set; }

    /// <summary>What is said to agents with each answer; null: nothing.</summary>
    public ICommandSource? Commands { get; init; }

    /// <summary>Answers in the order of the items, after the commit. Throws what <see cref="LedgerStore.WriteAsync{T}"/> throws; nothing has changed then.</summary>
    public async Task<IngestAnswer[]> WriteAsync(IReadOnlyList<GroupItem> group, CancellationToken cancel)
    {
        try
        {
            Judged judged;
            if ((rules & SafetyRule.ReceiptAndUsageInOneTransaction) != 0)
            {
                judged = await store.WriteAsync(async transaction =>
                {
                    var one = await JudgeAsync(transaction, group);
                    await AddUsageAsync(transaction, one);
                    return await FinishAsync(transaction, one);
                }, cancel);
            }
            else
            {
                judged = await store.WriteAsync(async transaction => await FinishAsync(transaction, await JudgeAsync(transaction, group)), cancel);
                FaultPoint?.Invoke("between receipt and usage");
                await store.WriteAsync(transaction => AddUsageAsync(transaction, judged), cancel);
            }

            FaultPoint?.Invoke("after commit");
            _directory.Settled();
            if (judged.MovedEnforcement && Commands is not null) await Commands.DecideAsync(cancel);
            return judged.Answers();
        }
        catch
        {
            _directory.Forget();
            foreach (var listener in _listeners) listener.Forget();
            _snapshot = LedgerSnapshot.Empty;
            throw;
        }
        finally
        {
            foreach (var row in _rows.Values)
            {
                row.Workload.Row = null;
                row.Clear();
                _spare.Push(row);
            }

            _rows.Clear();
        }
    }

    /// <summary>Writes what changes nothing, to learn whether the ledger can be written. Throws what <see cref="LedgerStore.WriteAsync{T}"/> throws.</summary>
    public Task ProbeAsync(CancellationToken cancel) => store.WriteAsync(
        transaction => transaction.ExecuteAsync("INSERT INTO meta (key, value) VALUES ('probe', '') ON CONFLICT (key) DO UPDATE SET value = excluded.value"), cancel);

    private async Task<Judged> JudgeAsync(LedgerTransaction transaction, IReadOnlyList<GroupItem> group)
    {
        await LedgerGate.EnterAsync(transaction);
        _snapshot = await LedgerSnapshot.RefreshAsync(_snapshot, transaction);
        var judged = new Judged(group, clock.GetUtcNow(), Commands);
        var epochs = group.Where(item => item.Refusal is null && HasIdentity(item.Batch)).Select(item => item.Batch.Epoch).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        foreach (var agent in await _bulk.LoadAgentsAsync(transaction, epochs)) judged.Agents[agent.Epoch] = agent;
        for (var i = 0; i < group.Count; i++) await JudgeAsync(transaction, judged, i);
        return judged;
    }

    private static bool HasIdentity(DecodedBatch batch) => HostId.TryParse(batch.Host, out _) && batch.Epoch.Length is > 0 and <= 64 && batch.Sequence is > 0 and <= long.MaxValue && batch.FirstSequence is > 0 && batch.FirstSequence <= batch.Sequence;

    private async Task JudgeAsync(LedgerTransaction transaction, Judged judged, int i)
    {
        var item = judged.Group[i];
        var batch = item.Batch;
        if (item.Refusal is { } refusal)
        {
            judged.Set(i, IngestResult.Refused, refusal, null);
            return;
        }

        if (!HasIdentity(batch))
        {
            judged.Set(i, IngestResult.Quarantined, item.Fault, null);
            return;
        }

        if (!judged.Agents.TryGetValue(batch.Epoch, out var agent)) judged.Agents[batch.Epoch] = agent = new AgentEntry { Host = batch.Host, Epoch = batch.Epoch };
        if (agent.Host != batch.Host)
        {
            judged.Set(i, IngestResult.Refused, $"identity: epoch {batch.Epoch} belongs to another host", null);
            return;
        }

        judged.Touched.Add(agent);
        if (item.Delivery.IsReplay && item.Fault is null && await ReleaseAsync(transaction, agent, batch))
        {
            agent.See(batch, JsonSerializer.Serialize(batch.HostLabels));
            agent.Accepted.Add(batch);
            judged.Receipts.Add(new ReceiptRow(agent, batch, Quarantined: false));
            judged.Accepted.Add(batch);
            judged.Set(i, IngestResult.Committed, null, agent);
            return;
        }

        switch (await OverlapAsync(transaction, agent, batch))
        {
            case Overlap.Same when (rules & SafetyRule.ReceiptTakesEffectOnce) != 0:
                judged.Set(i, IngestResult.Duplicate, null, agent);
                return;
            case Overlap.Same:
                judged.Accepted.Add(batch);
                judged.Set(i, IngestResult.Committed, null, agent);
                return;
            case Overlap.Other when (rules & SafetyRule.RangesDoNotOverlap) != 0:
                judged.Set(i, IngestResult.Refused, $"fork: {batch.FirstSequence}..{batch.Sequence} of epoch {batch.Epoch} is known with other content or another range", agent);
                return;
        }

        // The mark goes on, the watermark does not: what is in quarantine is not metered, and its window may be what is wrong with it.
        if (item.Fault is null) agent.See(batch, JsonSerializer.Serialize(batch.HostLabels));
        Advance(agent, batch);
        agent.Accepted.Add(batch);
        judged.Receipts.Add(new ReceiptRow(agent, batch, item.Fault is not null));
        if (item.Fault is null) judged.Accepted.Add(batch);
        judged.Set(i, item.Fault is null ? IngestResult.Committed : IngestResult.Quarantined, item.Fault, agent);
    }

    // Takes a batch out of quarantine: its receipt is written anew, this time with what it bills. False: it is not, or no longer, in there.
    private async Task<bool> ReleaseAsync(LedgerTransaction transaction, AgentEntry agent, DecodedBatch batch)
    {
        if (agent.IsNew || await transaction.ExecuteAsync("DELETE FROM receipt WHERE agent = @agent AND sequence = @sequence AND first_sequence = @first AND hash = @hash AND quarantined = 1",
                ("@agent", agent.Id), ("@sequence", (long)batch.Sequence), ("@first", (long)batch.FirstSequence), ("@hash", batch.Hash)) == 0) return false;
        await transaction.ExecuteAsync("DELETE FROM quarantine WHERE hash = @hash", ("@hash", batch.Hash));
        foreach (var listener in _listeners) await listener.BatchReleasedAsync(transaction, agent.Id, (long)batch.FirstSequence, (long)batch.Sequence);
        return true;
    }

    private enum Overlap
    {
        None,
        Same,
        Other,
    }

    private async Task<Overlap> OverlapAsync(LedgerTransaction transaction, AgentEntry agent, DecodedBatch batch)
    {
        // The usual case: the next in line, and nothing beyond the mark.
        if (batch.FirstSequence == agent.Committed + 1 && agent.LastSequence == agent.Committed) return Overlap.None;
        foreach (var other in agent.Accepted)
        {
            if (other.Sequence < batch.FirstSequence || other.FirstSequence > batch.Sequence) continue;
            return Compare(batch, other.FirstSequence, other.Sequence, other.Hash);
        }

        agent.Above ??= await LoadAboveAsync(transaction, agent);
        foreach (var (sequence, (first, hash)) in agent.Above)
        {
            if (sequence < batch.FirstSequence || first > batch.Sequence) continue;
            return Compare(batch, first, sequence, hash);
        }

        if (batch.FirstSequence > agent.Committed || agent.IsNew) return Overlap.None;
        var command = transaction.Command(
            "SELECT first_sequence, sequence, hash FROM receipt WHERE agent = @agent AND sequence >= @first ORDER BY sequence LIMIT 1", ("@agent", agent.Id), ("@first", (long)batch.FirstSequence));
        await using var rows = await command.ExecuteReaderAsync();

        // At or below the mark without a receipt can only be one that was compacted away; it took effect.
        if (!await rows.ReadAsync()) return Overlap.Same;
        return Compare(batch, (ulong)rows.GetInt64(0), (ulong)rows.GetInt64(1), (byte[])rows[2]);
    }

    private static Overlap Compare(DecodedBatch batch, ulong first, ulong sequence, byte[] hash) =>
        first == batch.FirstSequence && sequence == batch.Sequence && hash.AsSpan().SequenceEqual(batch.Hash) ? Overlap.Same : Overlap.Other;

    private static async Task<SortedDictionary<ulong, (ulong First, byte[] Hash)>> LoadAboveAsync(LedgerTransaction transaction, AgentEntry agent)
    {
        var above = new SortedDictionary<ulong, (ulong First, byte[] Hash)>();
        if (agent.IsNew || agent.LastSequence == agent.Committed) return above;
        var command = transaction.Command("SELECT first_sequence, sequence, hash FROM receipt WHERE agent = @agent AND sequence > @committed", ("@agent", agent.Id), ("@committed", (long)agent.Committed));
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync()) above[(ulong)rows.GetInt64(1)] = ((ulong)rows.GetInt64(0), (byte[])rows[2]);
        return above;
    }

    // The mark is the end of the unbroken run from 1; what arrives beyond it is billed at once and waits there for the gap to close.
    private void Advance(AgentEntry agent, DecodedBatch batch)
    {
        agent.LastSequence = Math.Max(agent.LastSequence, batch.Sequence);
        if ((rules & SafetyRule.WatermarkIsContiguous) == 0)
        {
            agent.Committed = agent.LastSequence;
            return;
        }

        if (batch.FirstSequence == agent.Committed + 1)
        {
            agent.Committed = batch.Sequence;
            while (agent.Above is { Count: > 0 } above && above.First() is var next && next.Value.First == agent.Committed + 1)
            {
                agent.Committed = next.Key;
                above.Remove(next.Key);
            }
        }
        else
        {
            (agent.Above ??= [])[batch.Sequence] = (batch.FirstSequence, batch.Hash);
        }
    }

    private async Task AddUsageAsync(LedgerTransaction transaction, Judged judged)
    {
        if (judged.Accepted.Count == 0) return;
        var coverage = new Dictionary<(long Bucket, string Host), (long Covered, long Expected)>();
        var conserved = new Dictionary<(long Bucket, string Host), Conserved>();
        var ended = new List<WorkloadEntry>();
        foreach (var batch in judged.Accepted) Merge(batch, coverage, conserved, ended);
        FaultPoint?.Invoke("in transaction");

        if (_directory.Unsaved.Count > 0)
        {
            await _bulk.SaveWorkloadsAsync(transaction, _directory.Unsaved, judged.Now.ToUnixTimeSeconds());
            var changed = new Dictionary<long, AttributeHistory>();
            await AttributeStore.SaveAsync(transaction, _directory.Unsaved, changed);
            await SaveOwnersAsync(transaction, _directory.Unsaved);
            await MoveAsync(transaction, changed, judged.Now);
        }

        var availability = _directory.ChangedAvailability();
        if (availability.Count > 0) await _bulk.SaveAvailabilityAsync(transaction, availability);
        var rows = InOrder();
        foreach (var listener in _listeners) await listener.UsageComingAsync(transaction, _snapshot);
        var addingUp = Task.Run(() =>
        {
            foreach (var listener in _listeners) listener.AddUp(rows);
        }, CancellationToken.None);
        try
        {
            if (rows.Count > 0) await _bulk.AddUsageAsync(transaction, rows);
        }
        finally
        {
            // The rows are used again by the next group.
            await addingUp;
        }

        if (coverage.Count > 0) await _bulk.AddCoverageAsync(transaction, coverage);
        await _bulk.AddConservationAsync(transaction, conserved);
        foreach (var workload in ended)
            await transaction.ExecuteAsync("UPDATE workload SET ended = 1, last_seen = @at WHERE id = @id", ("@at", judged.Now.ToUnixTimeSeconds()), ("@id", workload.Id));
        foreach (var listener in _listeners) await listener.UsageAddedAsync(transaction, rows, _snapshot, judged.Now);
    }

    // By bucket and id, each once: a workload whose attributes changed within the group has two entries with one id.
    private List<UsageRow> InOrder()
    {
        var rows = _rows.Values.ToArray();
        Sort(rows);
        var merged = new List<UsageRow>(rows.Length);
        foreach (var row in rows)
        {
            WorkloadDirectory.ResolveOwners(row.Workload, _snapshot);
            if (merged.Count > 0 && merged[^1].Bucket == row.Bucket && merged[^1].Workload.Id == row.Workload.Id)
            {
                // Of two entries the one that this transaction has saved knows the owners.
                if (merged[^1].Workload.IsFresh) merged[^1].Add(row);
                else
                {
                    row.Add(merged[^1]);
                    merged[^1] = row;
                }
            }
            else
            {
                merged.Add(row);
            }
        }

        return merged;
    }

    // The usual group lies in one bucket, and then plain numbers are compared: a third of the time that a comparison of rows takes.
    private static void Sort(UsageRow[] rows)
    {
        var ids = new long[rows.Length];
        var oneBucket = true;
        for (var i = 0; i < rows.Length; i++)
        {
            ids[i] = rows[i].Workload.Id;
            oneBucket &= rows[i].Bucket == rows[0].Bucket;
        }

        if (oneBucket) Array.Sort(ids, rows);
        else Array.Sort(rows, static (a, b) => a.Bucket != b.Bucket ? a.Bucket.CompareTo(b.Bucket) : a.Workload.Id.CompareTo(b.Workload.Id));
    }

    private void Merge(DecodedBatch batch, Dictionary<(long Bucket, string Host), (long Covered, long Expected)> coverage, Dictionary<(long Bucket, string Host), Conserved> conserved, List<WorkloadEntry> ended)
    {
        var parts = BucketSplit.Of(batch.WindowStart, batch.WindowEnd, new LedgerGrain(options.GrainSeconds, _snapshot.FineFrom));
        var bills = new Conserved[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!conserved.TryGetValue((parts[i].Bucket, batch.Host), out var known)) conserved[(parts[i].Bucket, batch.Host)] = known = new Conserved();
            bills[i] = known;
        }

        bills[^1].AddBatch(batch.Hash);
        foreach (var part in parts)
        {
            var (covered, expected) = coverage.GetValueOrDefault((part.Bucket, batch.Host));
            covered += part.Share((long)Math.Min(batch.CoveredMicroseconds, long.MaxValue / 2));
            expected += part.Share((long)Math.Min(batch.ExpectedMicroseconds, long.MaxValue / 2));
            if (expected > 0) coverage[(part.Bucket, batch.Host)] = (covered, expected);
        }

        WorkloadDirectory.Known? previous = null;
        var newborns = _newborns.Of(batch);
        batch.OverBound = 0;
        foreach (ref readonly var record in CollectionsMarshal.AsSpan(batch.Records))
        {
            var workload = _directory.Find(batch, record, parts[0].Bucket, ref previous);
            if (record.Final && workload.Kind != WorkloadDirectory.OverBoundKind) ended.Add(workload);
            var unscraped = newborns.IsUnscraped(record, isNew: previous is null);
            for (var i = 0; i < parts.Length; i++) AddRecord(batch, record, workload, parts[i], bills[i], estimated: parts.Length > 1 || record.Origin == (int)Origin.Estimated, unscraped);
        }
    }

    private void AddRecord(DecodedBatch batch, in DecodedRecord record, WorkloadEntry workload, in BucketSplit.Part part, Conserved bills, bool estimated, bool unscraped)
    {
        // A record without readings only tells a name.
        if (record.ReadingCount == 0) return;
        var row = RowOf(part.Bucket, workload);
        row.Cover(batch.WindowEnd - part.Length + part.From, batch.WindowEnd - part.Length + part.To);
        foreach (ref readonly var reading in CollectionsMarshal.AsSpan(batch.Readings).Slice(record.FirstReading, record.ReadingCount))
        {
            var meter = Meters[reading.Meter];
            var quantity = meter.Kind == MeterKind.Peak ? reading.Quantity : part.Share(reading.Quantity, rules);
            row.Add(meter, quantity);
            bills.Add(meter, quantity);
            if (meter != MeterCatalogue.Cpu) continue;
            if (estimated)
            {
                row.EstimatedMicroseconds = checked(row.EstimatedMicroseconds + quantity);
                bills.AddEstimated(quantity);
            }

            if (unscraped) row.UnscrapedMicroseconds = checked(row.UnscrapedMicroseconds + quantity);
        }
    }

    // The row used last for the workload is nearly always the one: a look-up of 100,000 rows costs more than the adding up.
    private UsageRow RowOf(long bucket, WorkloadEntry workload)
    {
        if (workload.Row is { } last && last.Bucket == bucket) return last;
        if (!_rows.TryGetValue((bucket, workload), out var row))
        {
            row = _spare.Count > 0 ? _spare.Pop() : new UsageRow();
            (row.Bucket, row.Workload) = (bucket, workload);
            _rows[(bucket, workload)] = row;
        }

        return workload.Row = row;
    }

    private Task SaveOwnersAsync(LedgerTransaction transaction, List<WorkloadEntry> workloads)
    {
        foreach (var workload in workloads)
        {
            workload.OwnersRevision = -1;
            WorkloadDirectory.ResolveOwners(workload, _snapshot);
        }

        return Ownerships.SaveAsync(transaction, workloads.Select(workload => (workload.Id, workload.Owners)));
    }

    // A name that came late may give what is stored to another owner: the listeners hear of every row that moved.
    private async Task MoveAsync(LedgerTransaction transaction, Dictionary<long, AttributeHistory> changed, DateTimeOffset now)
    {
        if (changed.Count == 0) return;
        var moves = new List<MovedUsage>();
        var from = long.MaxValue;
        foreach (var entry in _directory.Unsaved)
        {
            if (!changed.TryGetValue(entry.Id, out var before)) continue;
            from = Math.Min(from, before.DiffersFrom(entry.Attributes));
            var owners = _snapshot.Rules.Resolve(entry.Host, entry.Kind, entry.Path, before);
            if (!owners.SequenceEqual(entry.Owners)) await UsageMoves.AddAsync(transaction, entry, owners, new LedgerGrain(options.GrainSeconds, _snapshot.FineFrom), now, moves);
        }

        foreach (var listener in _listeners)
        {
            if (moves.Count > 0) await listener.UsageMovedAsync(transaction, moves, _snapshot, now);
            await listener.AttributesChangedAsync(transaction, from, _snapshot);
        }
    }

    private async Task<Judged> FinishAsync(LedgerTransaction transaction, Judged judged)
    {
        var now = Units.UnixTime.ToUnixMicroseconds(judged.Now);
        if (judged.Touched.Count > 0) await _bulk.SaveAgentsAsync(transaction, judged.Touched, now);
        if (judged.Receipts.Count > 0) await _bulk.InsertReceiptsAsync(transaction, judged.Receipts, now);
        foreach (var agent in judged.Touched)
        {
            if (agent.HadGap || agent.LastSequence > agent.Committed) await SaveGapsAsync(transaction, agent, now);
        }

        for (var i = 0; i < judged.Group.Count; i++)
        {
            if (judged.Results[i] is IngestResult.Quarantined or IngestResult.Refused) await QuarantineAsync(transaction, judged.Group[i], judged.Reasons[i] ?? "", now);
        }

        FaultPoint?.Invoke("before commit");
        judged.MovedEnforcement = transaction.MovedEnforcement;
        return judged;
    }

    private static async Task SaveGapsAsync(LedgerTransaction transaction, AgentEntry agent, long now)
    {
        agent.Above ??= await LoadAboveAsync(transaction, agent);
        await transaction.ExecuteAsync("DELETE FROM gap WHERE agent = @agent", ("@agent", agent.Id));
        var from = agent.Committed + 1;
        foreach (var (sequence, (first, _)) in agent.Above)
        {
            if (first > from)
            {
                await transaction.ExecuteAsync("INSERT INTO gap (agent, first_sequence, last_sequence, seen_at) VALUES (@agent, @first, @last, @now)",
                    ("@agent", agent.Id), ("@first", (long)from), ("@last", (long)(first - 1)), ("@now", now));
            }

            from = sequence + 1;
        }
    }

    // The hash is unique: a sender that repeats the same bad bytes adds no row.
    private static async Task QuarantineAsync(LedgerTransaction transaction, GroupItem item, string reason, long now) => await transaction.ExecuteAsync("""
        INSERT INTO quarantine (received_at, transport, login, routing_host, host, epoch, sequence, reason, hash, bytes)
        VALUES (@now, @transport, @login, @routing, @host, @epoch, @sequence, @reason, @hash, @bytes) ON CONFLICT (hash) DO NOTHING
        """,
        ("@now", now), ("@transport", item.Delivery.Transport), ("@login", Clean(item.Delivery.Login)), ("@routing", Clean(item.Delivery.RoutingHost)), ("@host", Clean(item.Batch.Host)),
        ("@epoch", Clean(item.Batch.Epoch)), ("@sequence", (long)Math.Min(item.Batch.Sequence, long.MaxValue)), ("@reason", Clean(reason)), ("@hash", item.Batch.Hash), ("@bytes", item.Batch.Body.ToArray()));

    private static string? Clean(string? text) => text is null ? null : BatchDecoder.Bounded(text, 1024).Replace("\0", "");
}
