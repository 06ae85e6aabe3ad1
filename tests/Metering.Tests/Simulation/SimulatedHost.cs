using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Journal;
using Metering.Agent.Shipping;
using Metering.Agent.Workloads;
using Metering.Safety;
using Metering.Tests.Support;

namespace Metering.Tests.Simulation;

/// <summary>One machine: a tree with known truth, and an agent whose process may end at any moment while its journal stays.</summary>
internal sealed class SimulatedHost : IDisposable
{
    private readonly string _file;
    private readonly JournalOptions _options;
    private readonly SafetyRule _rules;
    private readonly int _window;
    private readonly SettledTruth _attribution;
    private AgentJournal _journal = null!;
    private PassRecorder _recorder = null!;
    private string _boot = "boot-0";
    private int _boots;
    private bool _baselineKnown;
    private ulong _base, _baseBytes, _firstShown, _firstBytes, _journalledShown, _encodedShown, _encodedBilled;
    private bool _waits;

    public SimulatedHost(string name, string directory, Random random, JournalOptions options, int window, SafetyRule rules)
    {
        (Name, _options, _rules, _window) = (name, options, rules, window);
        _file = Path.Combine(directory, name + ".journal.db");
        Tree = new FakeTree(random) { Liveliness = random.Next(4) == 0 ? 1 / 3.0 : 0.02 + random.NextDouble() / 8 };
        _attribution = new SettledTruth(Tree, name);
        for (var i = 0; i < 60; i++) Tree.Step();
        Start();
    }

    public string Name { get; }

    public FakeTree Tree { get; }

    public SendWindow Window { get; private set; } = null!;

    public AgentJournal Journal => _journal;

    public Meterer Meterer => _recorder.Meterer;

    /// <summary>What must be in the ledger in the end: between these bounds, which are one when the machine never started again.</summary>
    public ulong LeastMicroseconds { get; private set; }

    public ulong MostMicroseconds { get; private set; }

    public ulong LeastBytes { get; private set; }

    public ulong MostBytes { get; private set; }

    public SettledTruth Attribution => _attribution;

    public bool Rebooted => _boots > 0;

    public bool HasBaseline => _baselineKnown;

    public ulong TrueMicroseconds => _baselineKnown ? MostMicroseconds + Tree.Root.ShownMicroseconds - _base : 0;

    public ulong TrueBytes => _baselineKnown ? MostBytes + Tree.Root.ShownBytes - _baseBytes : 0;

    public ulong DueMicroseconds => _baselineKnown ? LeastMicroseconds + Tree.Root.ShownMicroseconds - _base : 0;

    public ulong DueBytes => _baselineKnown ? LeastBytes + Tree.Root.ShownBytes - _baseBytes : 0;

    /// <summary>One pass; false when the journal could not take it.</summary>
    /// <param name="late">The disk takes its time: the pass is stored with the next one, unless the process ends before.</param>
    public bool Pass(long nominalMicroseconds, bool late = false)
    {
        if (_recorder.LastPassMicroseconds >= nominalMicroseconds) return true;
        Tree.Pass++;
        Tree.Root.FirstInPass = null;
        var lively = Tree.Lively;
        if (!_baselineKnown)
        {
            // Where counting begins is compared with the truth, so the world holds its breath for the very first reading.
            Tree.Lively = false;
            (_firstShown, _firstBytes) = (Tree.Root.ShownMicroseconds, Tree.Root.ShownBytes);
        }

        try
        {
            _recorder.Read(nominalMicroseconds);
            Store();
            Encode();
            if (late && _baselineKnown) return true;
            Store();
        }
        catch (JournalFullException)
        {
            return false;
        }
        finally
        {
            Tree.Lively = lively;
        }

        if (!_baselineKnown) (_baselineKnown, _base, _baseBytes) = (true, _firstShown, _firstBytes);
        CheckNotOverBilled();
        return true;
    }

    /// <summary>Tries again to store what waits; true when nothing does any more.</summary>
    public bool StoreWaiting()
    {
        try
        {
            Store();
            return true;
        }
        catch (JournalFullException)
        {
            return false;
        }
    }

    private void Encode()
    {
        _recorder.TryEncode();
        (_waits, _encodedShown, _encodedBilled) = (true, Tree.Root.FirstInPass ?? _journalledShown, Billed(Meterer.Root));
        Tree.Encoded();
    }

    private void Store()
    {
        if (!_waits) return;
        var from = _journal.NextSequence;
        _recorder.Store();
        (_waits, _journalledShown) = (false, _encodedShown);
        Tree.Journalled();
        _attribution.Check(_journal, from);
        Check.That(_attribution.Microseconds == _encodedBilled, $"{Name}: the records say {_attribution.Microseconds} µs, the accounts {_encodedBilled}");
    }

    /// <summary>The time between two passes: what was told since is acted upon.</summary>
    public void Follow(long clockMicroseconds)
    {
        if (!_baselineKnown) return;
        Meterer.Follow(clockMicroseconds);
        CheckNotOverBilled();
    }

    /// <summary>The process reads and then dies before it stores anything.</summary>
    public void CrashInPass(long nominalMicroseconds)
    {
        Tree.Pass++;
        if (_recorder.LastPassMicroseconds < nominalMicroseconds) Meterer.Run(nominalMicroseconds);
        Crash();
    }

    /// <summary>SIGKILL and a new process on the same journal.</summary>
    public void Crash()
    {
        _journal.Dispose();
        Tree.CloseAll();
        Tree.Forgotten();
        Start();
    }

    public void Reboot()
    {
        _journal.Dispose();
        if (_baselineKnown)
        {
            // What was used after the last stored reading died with the kernel; what that reading showed must be billed.
            LeastMicroseconds += Math.Max(_journalledShown, _base) - _base;
            _journalledShown = 0;
            MostMicroseconds += Tree.Root.ShownMicroseconds - _base;
            MostBytes += Tree.Root.ShownBytes - _baseBytes;
            (_base, _baseBytes) = (0, 0);
        }

        Tree.Reboot();
        _boot = "boot-" + ++_boots;
        Start();
    }

    public void Dispose() => _journal.Dispose();

    private void Start()
    {
        _journal = AgentJournal.OpenFile(_file, null, Name, _options, _rules);
        _recorder = new PassRecorder(_journal, () => new Meterer(Tree, Recognise, new PassOptions(Memory: false, Pids: false, Rules: _rules)), new HostFacts(_boot, 4, 1 << 30), rootIsMachine: false, Recognise);
        Window = new SendWindow(_journal, _window, _rules);
        _waits = false;
    }

    // Σ billed ≤ parent at every moment.
    private void CheckNotOverBilled()
    {
        if (!Tree.Resets)
        {
            foreach (var node in Meterer.Nodes)
            {
                var cgroup = Tree.Root.All().FirstOrDefault(cgroup => cgroup.Inode == node.Inode);
                if (cgroup is null) continue;
                Check.That(Billed(node) <= cgroup.ShownMicroseconds - Math.Min(cgroup.ShownMicroseconds, node.Cpu.Base) + (node.FromZero ? 0UL : 1), $"{Name}{node.Path}: {Billed(node)} µs are billed of {cgroup.ShownMicroseconds} − {node.Cpu.Base} µs; own {node.Cpu.Own} dead {node.Cpu.Dead} claim {node.Cpu.Claim} used {node.Cpu.Used} children {string.Join(' ', node.Children.Select(child => $"{child.Path}#{child.Inode}:{child.Cpu.Claim}/{child.Cpu.Base}/{child.BornLater}"))}; truth {string.Join(' ', cgroup.Children.Select(child => $"{child.Path}#{child.Inode}:{child.ShownMicroseconds}"))}");
            }
        }

        foreach (var node in Meterer.Nodes)
        {
            var cgroup = Tree.Root.All().FirstOrDefault(cgroup => cgroup.Inode == node.Inode);
            if (cgroup is null || node.Io is null || node.Parent is null) continue;
            Check.That(node.Io.Accounts[0].Claim <= cgroup.TrueBytes, $"{Name}{node.Path}#{node.Inode}: {node.Io.Accounts[0].Claim} bytes are claimed of {cgroup.TrueBytes}; own {node.Io.Accounts[0].Own} dead {node.Io.Accounts[0].Dead} used {node.Io.Accounts[0].Used} base {node.Io.Accounts[0].Base} children {string.Join(' ', node.Children.Select(child => $"{child.Path}#{child.Inode}:{child.Io?.Accounts[0].Claim}/{child.Gone}"))}; truth {string.Join(' ', cgroup.Children.Select(child => $"{child.Path}#{child.Inode}:{child.TrueBytes}"))}");
        }

        var billed = Billed(Meterer.Root);
        Check.That(billed <= TrueMicroseconds, $"{Name}: {billed} µs are billed of {TrueMicroseconds} µs used (boots {_boots}, resets {Tree.Resets})");
    }

    private static ulong Billed(CgroupNode node) => node.Cpu.Own + node.Cpu.Dead + node.Children.Where(child => !child.Gone).Aggregate(0UL, (sum, child) => sum + Billed(child));

    private static Workload Recognise(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };
}
