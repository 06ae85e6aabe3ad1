using System.Text.Json;
using Google.Protobuf;
using Metering.Agent.Journal;
using Metering.Agent.Shipping;
using Metering.Messages;
using Metering.Safety;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Metering.Units;

namespace Metering.Tests.Simulation;

/// <summary>
/// A whole installation in one thread and from one seed: hosts with known truth, a broker that drops, doubles, reorders and is wiped, a ledger that dies in transactions and comes back from backups.
/// First all faults, then none until everything has arrived; then Σ ledger = Σ truth.
/// </summary>
internal sealed class World : IDisposable
{
    private const long IntervalMicroseconds = 10_000_000;
    private readonly string _directory;
    private readonly Random _random;
    private readonly SafetyRule _rules;
    private readonly FakeClock _clock = new(new DateTimeOffset(2026, 11, 22, 8, 58, 0, TimeSpan.Zero));
    private readonly List<SimulatedHost> _hosts = [];
    private readonly List<SimulatedMessage> _broker = [];
    private readonly List<(SimulatedHost To, Downlink Answer)> _answers = [];
    private readonly SimulatedService _service;

    /// <summary>Whether a publish ends with the commit (HTTP) or with the broker's word.</summary>
    private readonly bool _direct;
    private readonly bool _restores;

    /// <summary>How soon the agent acts on events.</summary>
    private readonly double _follows;
    private readonly decimal _quotaSeconds;
    private int _ledgerOutage;

    public World(int seed, SafetyRule rules)
    {
        (_random, _rules) = (new Random(seed), rules);
        _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-simulation-" + Guid.CreateVersion7().ToString("N"))).FullName;
        _direct = _random.NextDouble() < 0.3;
        _restores = _random.NextDouble() < 0.4;
        _follows = _random.Next(3) switch { 0 => 0, 1 => 0.3, _ => 0.9 };
        var small = _random.NextDouble() < 0.4;
        var options = new JournalOptions
        {
            MaxBytes = small ? 6_000 + _random.Next(6_000) : 1 << 24,
            Keep = _restores ? TimeSpan.FromDays(30) : _random.Next(2) == 0 ? TimeSpan.Zero : TimeSpan.FromMinutes(30),
        };

        // A small journal gives up done batches before their time, so a ledger restored from a backup could not get them back.
        if (_restores) options = options with { MaxBytes = 1 << 24 };
        _service = new SimulatedService(_directory, _clock, rules);
        _quotaSeconds = _random.Next(1, 4) * 0.05m;
        MakeQuota();
        var count = _random.Next(1, 3);
        for (var i = 0; i < count; i++)
        {
            var host = new SimulatedHost("host-" + i, _directory, _random, options, _random.Next(1, 9), rules);
            host.Tree.Resets = _random.NextDouble() < 0.3;
            _hosts.Add(host);
        }
    }

    /// <summary>Runs and checks. Throws <see cref="CheckFailedException"/> with what does not hold.</summary>
    /// <summary>Ends that were settled, those of them that nobody had opened, and ends that were estimated.</summary>
    public (int Settled, int Unopened, int Estimated) Ends =>
        (_hosts.Sum(host => host.Attribution.Settled), _hosts.Sum(host => host.Attribution.SettledUnopened), _hosts.Sum(host => host.Attribution.Estimated));

    public void Run(int events)
    {
        for (var i = 0; i < events; i++)
        {
            Event();
            if (i % 250 == 249) CheckNeverTooMuch();
        }

        Quiesce();
        CheckSums();
        CheckAttribution();
        EndAll();
        CheckSums();
        CheckQuota();
    }

    public void Dispose()
    {
        foreach (var host in _hosts) host.Dispose();
        _service.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private void Event()
    {
        var host = _hosts[_random.Next(_hosts.Count)];
        switch (_random.Next(1000))
        {
            case < 640:
                host.Tree.Step();
                if (_random.NextDouble() < _follows) host.Follow(_clock.GetUtcNow().ToUnixMicroseconds());
                break;
            case < 700: Pass(host); break;
            case < 830: Send(host); break;
            case < 925: Serve(1 + _random.Next(6)); break;
            case < 970: Answer(_random.Next(_answers.Count + 1)); break;
            case < 975: Forge(host); break;
            case < 982: host.Crash(); ForgetAnswers(host); break;
            case < 985: host.CrashInPass(Now()); ForgetAnswers(host); break;
            case < 989: Break(); break;
            case < 991: _ledgerOutage = _random.Next(10, 60); break;
            case < 993: _broker.Clear(); break;
            case < 994: if (_restores) _service.Backup(); break;
            case < 995: if (_restores) _service.Restore(); break;
            case < 996: if (_random.Next(8) == 0) { host.Reboot(); ForgetAnswers(host); } break;
            default: if (!_direct) host.Window.Rewind(); break;
        }
    }

    private void Pass(SimulatedHost host)
    {
        // Now and then a host is not metered for a while, so that windows lie across bucket bounds.
        _clock.Advance(TimeSpan.FromMicroseconds(IntervalMicroseconds * (_random.Next(12) == 0 ? _random.Next(2, 240) : 1)));
        host.Pass(Now(), late: _random.Next(4) == 0);
    }

    private long Now() => _clock.GetUtcNow().ToUnixMicroseconds() / IntervalMicroseconds * IntervalMicroseconds;

    private void Send(SimulatedHost host)
    {
        foreach (var batch in host.Window.Next())
        {
            var fate = _random.Next(20);
            if (_direct)
            {
                host.Window.Ended(batch, fate == 0 ? ShipOutcome.Unknown("lost on the way") : Deliver(host, batch, answerLost: fate == 1));
                continue;
            }

            if (fate != 0) _broker.Add(new SimulatedMessage(host, batch));
            if (fate == 1) _broker.Add(new SimulatedMessage(host, batch));
            host.Window.Ended(batch, fate is 0 or 2 ? ShipOutcome.Unknown("no confirm") : ShipOutcome.Accepted);
        }
    }

    private ShipOutcome Deliver(SimulatedHost host, OutgoingBatch batch, bool answerLost)
    {
        if (_ledgerOutage > 0)
        {
            _ledgerOutage--;
            return ShipOutcome.Unknown("the ledger is not there");
        }

        var early = (_rules & SafetyRule.AcknowledgeAfterCommit) == 0 && _random.Next(4) == 0;
        if (early) return ShipOutcome.Committed(new Downlink { AgentEpoch = batch.Epoch, CommittedSequence = batch.Sequence });
        var answers = _service.Write([batch.Bytes.ToArray()]);
        if (answers is null || answerLost || answers[0].Downlink is not { } downlink) return ShipOutcome.Unknown("no answer");
        _ = host;
        return ShipOutcome.Committed(downlink);
    }

    // The consumer: some messages, in any order, in one transaction; then the acknowledgement, unless the process dies between.
    private void Serve(int most)
    {
        if (_ledgerOutage > 0)
        {
            _ledgerOutage--;
            return;
        }

        var group = new List<SimulatedMessage>();
        while (group.Count < most && _broker.Count > 0)
        {
            var at = _random.Next(Math.Min(_broker.Count, 12));
            group.Add(_broker[at]);
            _broker.RemoveAt(at);
        }

        if (group.Count == 0) return;

        // Acknowledged before the commit: when the process then dies, nobody has the messages any more.
        var early = (_rules & SafetyRule.AcknowledgeAfterCommit) == 0;
        var answers = _service.Write(group.ConvertAll(message => message.Batch.Bytes.ToArray()));
        if (answers is null)
        {
            if (early)
            {
                foreach (var message in group) _answers.Add((message.From, new Downlink { AgentEpoch = message.Batch.Epoch, CommittedSequence = message.Batch.Sequence }));
            }
            else
            {
                _broker.AddRange(group);
            }

            return;
        }

        if (_random.Next(25) == 0) _broker.AddRange(group);
        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i].Downlink is { } downlink) _answers.Add((group[i].From, downlink));
        }
    }

    private void Answer(int at)
    {
        if (at >= _answers.Count) return;
        var (to, answer) = _answers[at];
        _answers.RemoveAt(at);
        if (_random.Next(6) != 0) to.Window.Answer(answer);
    }

    // Answers travel on the connection: they end with it.
    private void ForgetAnswers(SimulatedHost host) => _answers.RemoveAll(answer => answer.To == host);

    // Someone sends other content under numbers that are taken, or a range that overlaps them.
    private void Forge(SimulatedHost host)
    {
        if (host.Journal.Committed == 0) return;
        var sequence = host.Journal.Committed - (ulong)_random.Next((int)Math.Min(host.Journal.Committed, 3));
        var mark = _service.Mark(host.Name, host.Journal.Epoch);
        if (mark.CommittedSequence < sequence) return;
        var forged = new UsageBatch
        {
            Host = host.Name,
            AgentEpoch = host.Journal.Epoch,
            FirstSequence = sequence,
            Sequence = sequence,
            Schema = 1,
            WindowStart = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(_clock.GetUtcNow()),
            WindowEnd = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(_clock.GetUtcNow()),
            Workloads = { new WorkloadUsage { Kind = "raw", Id = "/forged", Path = "/forged", Meters = { new MeterReading { Meter = "cpuMicroseconds", Quantity = 1_000_000 } } } },
        };
        var answers = _service.Write([forged.ToByteArray()]);
        Check.That(answers is null || (_rules & SafetyRule.RangesDoNotOverlap) == 0 || answers[0].Result == IngestResult.Refused, $"a forged batch {sequence} of {host.Name} is {answers?[0].Result}");
    }

    private void Break() => _service.CrashAt = _random.Next(4) switch { 0 => "in transaction", 1 => "before commit", 2 => "between receipt and usage", _ => "after commit" };

    // No more faults: everything must arrive.
    private void Quiesce()
    {
        (_ledgerOutage, _service.CrashAt) = (0, null);
        foreach (var host in _hosts) host.Tree.Lively = false;
        Drain();
        foreach (var host in _hosts)
        {
            for (var i = 0; i < 2; i++)
            {
                _clock.Advance(TimeSpan.FromMicroseconds(IntervalMicroseconds));
                host.Pass(Now());
            }
        }

        Drain();
    }

    // Once its children are gone, a parent's figure is billed to the microsecond.
    private void EndAll()
    {
        foreach (var host in _hosts)
        {
            foreach (var child in host.Tree.Root.Children.ToArray()) host.Tree.Kill(child);
        }

        Quiesce();
    }

    private void Drain()
    {
        for (var round = 0; round < 400; round++)
        {
            foreach (var host in _hosts)
            {
                if (!_direct && round % 10 == 9) host.Window.Rewind();
                foreach (var batch in host.Window.Next())
                {
                    if (_direct) host.Window.Ended(batch, Deliver(host, batch, answerLost: false));
                    else _broker.Add(new SimulatedMessage(host, batch));
                    if (!_direct) host.Window.Ended(batch, ShipOutcome.Accepted);
                }
            }

            while (_broker.Count > 0) Serve(50);
            foreach (var (to, answer) in _answers) to.Window.Answer(answer);
            _answers.Clear();
            if (_hosts.TrueForAll(host => host.StoreWaiting() && host.Window.IsDrained && _service.Mark(host.Name, host.Journal.Epoch).CommittedSequence + 1 >= host.Journal.NextSequence)) return;

            // A journal that was full takes passes again once batches are done.
            if (round % 20 == 19) foreach (var host in _hosts) host.Pass(Now());
        }

        var stuck = _hosts.Find(host => !host.Window.IsDrained) ?? _hosts[0];
        throw new CheckFailedException($"{stuck.Name} does not drain: committed {stuck.Journal.Committed} of {stuck.Journal.NextSequence - 1}, the ledger has {_service.Mark(stuck.Name, stuck.Journal.Epoch).CommittedSequence}; refusal: {stuck.Window.Refusal}; fork: {stuck.Window.Forked}");
    }

    private void CheckNeverTooMuch()
    {
        var sums = _service.Sums();
        foreach (var host in _hosts)
        {
            var (microseconds, bytes) = sums.GetValueOrDefault(host.Name);
            Check.That(microseconds <= host.TrueMicroseconds, $"{host.Name}: the ledger has {microseconds} µs of {host.TrueMicroseconds} µs used");
            Check.That(bytes <= host.TrueBytes, $"{host.Name}: the ledger has {bytes} bytes of {host.TrueBytes} bytes used (rebooted {host.Rebooted}, resets {host.Tree.Resets})");
        }
    }

    private void CheckSums()
    {
        CheckNeverTooMuch();
        var sums = _service.Sums();
        foreach (var host in _hosts)
        {
            // What is held back: a microsecond for each live child that has a claim.
            var held = (ulong)host.Tree.Root.All().Count() - 1;
            var (microseconds, bytes) = sums.GetValueOrDefault(host.Name);
            Check.That(microseconds + held >= host.DueMicroseconds, $"{host.Name}: the ledger has {microseconds} µs, {host.DueMicroseconds} µs are due ({held} µs may be held, rebooted {host.Rebooted}, direct {_direct}, restores {_restores})");
            if (!host.Rebooted) Check.That(bytes == host.DueBytes, $"{host.Name}: the ledger has {bytes} bytes, {host.DueBytes} are due");
        }
    }

    // A live cgroup without children is billed what its own counter showed, not its parent.
    private void CheckAttribution()
    {
        var billed = _service.ByPath();
        foreach (var host in _hosts)
        {
            foreach (var cgroup in host.Tree.Root.All().Where(cgroup => cgroup.Children.Count == 0 && cgroup.Parent is not null && cgroup.Cpu.Seen))
            {
                var node = host.Meterer.Nodes.FirstOrDefault(node => node.Inode == cgroup.Inode);
                if (node is null || !node.BornLater || node.Cpu.Dead > 0) continue;
                var mine = billed.GetValueOrDefault((host.Name, cgroup.Path));
                Check.That(mine >= cgroup.Cpu.Known, $"{host.Name}{cgroup.Path}: the ledger has {mine} µs, its own counter showed {cgroup.Cpu.Known} µs");
            }
        }
    }

    private void CheckQuota()
    {
        var total = _service.Sums().Values.Aggregate(0UL, (sum, host) => sum + host.Microseconds);
        Check.That(_service.QuotaUse() is not { } used || used == total, $"the quota counts {_service.QuotaUse()} µs, the ledger {total} µs");
        var expected = new[] { 50m, 100m }.Count(percent => total / 1e6m >= _quotaSeconds * percent / 100);
        var fired = _service.Rows("SELECT event_id FROM outbox");
        Check.That(fired.Count == expected, $"{fired.Count} crossings are recorded for {total} µs, {expected} are due");
    }

    private void MakeQuota() => _service.Execute(async transaction =>
    {
        var quota = new Quota { Subject = new QuotaSubject { Tenant = OwnedInterval.UnattributedTenant }, Meter = "cpuSeconds", Limit = _quotaSeconds, Thresholds = [50, 100] };
        transaction.Context.Add(new StoredQuota { Id = "q", Json = JsonSerializer.Serialize(quota, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync();
        await LedgerSnapshot.RaiseAsync(transaction);
    });
}
