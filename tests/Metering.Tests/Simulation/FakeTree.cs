using System.Text;
using Metering.Agent.Cgroups;

namespace Metering.Tests.Simulation;

/// <summary>A cgroup2 tree with known truth. Between any two reads the world goes on, which is what a pass over a live machine sees.</summary>
/// <param name="random">Of the life and of the kernel's refusals.</param>
/// <param name="life">Of the life alone, so that two trees live the same life whatever is asked of them; by default the former.</param>
internal sealed class FakeTree(Random random, Random? life = null) : ICgroupTree
{
    private readonly Random _life = life ?? random;
    private const int MaxCgroups = 30;
    private readonly Dictionary<int, (FakeCgroup Cgroup, string File, int Life)> _open = [];
    private readonly List<(What What, int Watch, string Name)> _events = [];
    private ulong _nextInode = 2;
    private int _nextHandle = 1;
    private int _nextName;
    private int _nextWatch = 1;
    private bool _overflow;

    private enum What
    {
        Born,
        Died,
        Changed,
    }

    public FakeCgroup Root { get; private set; } = new(1, "", null);

    public bool RootIsMachine => false;

    /// <summary>Counts passes; raised by the host.</summary>
    public int Pass { get; set; }

    /// <summary>Whether the world moves between reads.</summary>
    public bool Lively { get; set; } = true;

    /// <summary>Chance of a step of life between two calls of the agent.</summary>
    public double Liveliness { get; set; } = 1 / 3.0;

    /// <summary>Every cgroup of this boot that is gone.</summary>
    public List<FakeCgroup> Gone { get; } = [];

    /// <summary>Whether CPU counters may be set back; then totals are exact but attribution is only bounded.</summary>
    public bool Resets { get; set; }

    /// <summary>Whether there is memory to be read, which its users take and give back.</summary>
    public bool Memory { get; init; }

    public IReadOnlySet<string> Controllers() => Memory ? new HashSet<string> { "io", "memory" } : new HashSet<string> { "io" };

    /// <summary>A little life: use, births, deaths, toggles.</summary>
    public void Step()
    {
        var all = Root.All().ToList();
        for (var i = 0; i < 3; i++)
        {
            var nanoseconds = _life.Next(7) switch { 0 => 0UL, 1 => 1UL, 2 => 337UL, 3 => 999UL, 4 => 1501UL, 5 => (ulong)_life.Next(40_000), _ => (ulong)_life.Next(4_000_000) };
            var user = all[_life.Next(all.Count)];
            if (!user.Occupied && !user.WasParent) Occupy(user, true);
            if (!user.Occupied) continue;
            user.Use(nanoseconds, _life.Next(3) == 0 ? (ulong)_life.Next(100_000) : 0);
            if (Memory && _life.Next(4) == 0) user.SelfMemory = (ulong)_life.Next(1 << 30);
        }

        if (_life.NextDouble() < 0.15) Occupy(all[_life.Next(all.Count)], false);

        if (_life.NextDouble() < 0.10 && all.Count < MaxCgroups) Bear(all[_life.Next(all.Count)]);
        if (_life.NextDouble() < 0.07 && all.Count > 1) Kill(all[_life.Next(1, all.Count)]);
        if (_life.NextDouble() < 0.02 && all.Count > 1) all[_life.Next(1, all.Count)].ToggleIo();
        if (Resets && _life.NextDouble() < 0.02 && all.Count > 1) all[_life.Next(1, all.Count)].ResetCpu();
        if (_life.NextDouble() < 0.002) _overflow = true;
    }

    public void Bear(FakeCgroup parent)
    {
        // Names come back: another instance at the same path is another cgroup.
        var name = _life.Next(4) == 0 ? "again" : "c" + _nextName++;
        if (parent.Children.Exists(child => child.Name == name)) return;
        var born = new FakeCgroup(_nextInode += 19, name, parent);
        parent.Children.Add(born);
        parent.WasParent = true;
        if (parent.Watch >= 0) _events.Add((What.Born, parent.Watch, name));
    }

    // Processes come or go: cgroup.events changes here and above.
    private void Occupy(FakeCgroup cgroup, bool occupied)
    {
        var before = new List<(FakeCgroup Cgroup, bool Populated)>();
        for (var at = cgroup; at is not null; at = at.Parent) before.Add((at, at.Populated));
        cgroup.Occupied = occupied;
        foreach (var (at, populated) in before)
        {
            if (at.Populated != populated && at.EventsWatch >= 0) _events.Add((What.Changed, at.EventsWatch, ""));
        }
    }

    public void Kill(FakeCgroup cgroup)
    {
        foreach (var child in cgroup.Children.ToArray()) Kill(child);
        var parent = cgroup.Parent!;
        Occupy(cgroup, false);
        cgroup.Die();
        Gone.Add(cgroup);
        if (parent.Watch >= 0) _events.Add((What.Died, parent.Watch, cgroup.Name));
    }

    /// <summary>The machine starts again: nothing of before lives, counters are zero.</summary>
    public void Reboot()
    {
        foreach (var child in Root.Children.ToArray()) child.Die();
        Gone.Clear();
        Root = new FakeCgroup(1, "", null);
        CloseAll();
    }

    /// <summary>The agent's process is gone, and its descriptors and watches with it.</summary>
    public void CloseAll()
    {
        _open.Clear();
        _events.Clear();
        foreach (var cgroup in Root.All()) (cgroup.Watch, cgroup.EventsWatch) = (-1, -1);
    }

    /// <summary>The agent has made ready to be stored what it was shown.</summary>
    public void Encoded()
    {
        foreach (var cgroup in Root.All()) cgroup.EncodedCpu = cgroup.Cpu;
    }

    /// <summary>The agent has stored what was ready.</summary>
    public void Journalled()
    {
        foreach (var cgroup in Root.All()) cgroup.JournalledCpu = cgroup.EncodedCpu;
    }

    /// <summary>The agent has forgotten what it did not store.</summary>
    public void Forgotten()
    {
        foreach (var cgroup in Root.All()) cgroup.Cpu = cgroup.JournalledCpu;
    }

    public bool List(string path, List<CgroupEntry> into)
    {
        Live();
        if (Find(path) is not { } cgroup) return false;
        into.AddRange(cgroup.Children.Select(child => new CgroupEntry(child.Name, child.Inode)));
        return true;
    }

    public int OpenInstance(string path, out ulong inode)
    {
        Live();
        var cgroup = Find(path);
        inode = cgroup?.Inode ?? 0;
        return cgroup is null ? -Posix.ENOENT : Open(cgroup, "cpu.stat");
    }

    public ulong InodeAt(string path)
    {
        Live();
        return Find(path)?.Inode ?? 0;
    }

    public int OpenFile(string path, ulong inode, string file) =>
        Find(path) is { } cgroup && (inode == 0 || cgroup.Inode == inode) && (file is "io.stat" or "cgroup.events" or "cgroup.procs" || (Memory && file == "memory.current")) ? Open(Find(path)!, file) : -Posix.ENOENT;

    public int OpenDirectory(string path, ulong inode) => Find(path) is { } cgroup && (inode == 0 || cgroup.Inode == inode) ? Open(cgroup, "") : -Posix.ENOENT;

    public int OpenIn(int directory, ReadOnlySpan<byte> file) => -Posix.ENOENT;

    public ulong FileInode(int handle) => 1;

    public int Read(int handle, Span<byte> buffer)
    {
        Live();
        if (!_open.TryGetValue(handle, out var open) || !open.Cgroup.Alive || (open.File == "io.stat" && open.Life != open.Cgroup.IoLife)) return -Posix.ENODEV;
        if (open.File == "cgroup.procs") return open.Cgroup.Occupied ? Encoding.ASCII.GetBytes("42\n", buffer) : 0;
        if (open.File == "cgroup.events") return Encoding.ASCII.GetBytes($"populated {(open.Cgroup.Populated ? 1 : 0)}\nfrozen 0\n", buffer);
        if (open.File == "memory.current" && open.Cgroup.MemoryUnreadable) return -Posix.EACCES;
        if (open.File == "memory.current") return Encoding.ASCII.GetBytes($"{open.Cgroup.ShownMemory}\n", buffer);
        if (open.File == "io.stat") return Encoding.ASCII.GetBytes($"8:0 rbytes={open.Cgroup.ShownBytes} wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n", buffer);
        if (open.Cgroup.ShownInPass != Pass)
        {
            // Only the first reading of a pass is accounted; the second closes the sandwich.
            open.Cgroup.ShownInPass = Pass;
            open.Cgroup.FirstInPass = open.Cgroup.ShownMicroseconds;
            open.Cgroup.Cpu.Show(open.Cgroup.ShownMicroseconds);
        }

        return Encoding.ASCII.GetBytes($"usage_usec {open.Cgroup.ShownMicroseconds}\nuser_usec 1\nsystem_usec 1\n", buffer);
    }

    public void Close(int handle) => _open.Remove(handle);

    public bool TryReadBusy(out ulong microseconds)
    {
        microseconds = 0;
        return false;
    }

    public int Watch(string path)
    {
        if (Find(path) is not { } cgroup) return -Posix.ENOENT;
        if (random.Next(50) == 0) return -Posix.ENOSPC;
        if (cgroup.Watch < 0) cgroup.Watch = _nextWatch++;
        return cgroup.Watch;
    }

    public int WatchEvents(string path)
    {
        if (Find(path) is not { } cgroup) return -Posix.ENOENT;
        if (random.Next(50) == 0) return -Posix.ENOSPC;
        if (cgroup.EventsWatch < 0) cgroup.EventsWatch = _nextWatch++;
        return cgroup.EventsWatch;
    }

    public void Unwatch(int watch)
    {
        foreach (var cgroup in Root.All())
        {
            if (cgroup.Watch == watch) cgroup.Watch = -1;
            if (cgroup.EventsWatch == watch) cgroup.EventsWatch = -1;
        }
    }

    public void DrainEvents(ITreeEvents receiver)
    {
        if (_overflow) receiver.Overflow();
        foreach (var (what, watch, name) in _overflow ? [] : _events)
        {
            if (what == What.Changed) receiver.Changed(watch);
            else if (what == What.Died) receiver.Died(watch, Encoding.UTF8.GetBytes(name));
            else receiver.Born(watch, Encoding.UTF8.GetBytes(name));
        }

        _overflow = false;
        _events.Clear();
    }

    private void Live()
    {
        if (Lively && random.NextDouble() < Liveliness) Step();
    }

    private int Open(FakeCgroup cgroup, string file)
    {
        cgroup.WasOpened |= file == "cpu.stat";
        _open[_nextHandle] = (cgroup, file, cgroup.IoLife);
        return _nextHandle++;
    }

    private FakeCgroup? Find(string path)
    {
        var at = Root;
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (at.Children.Find(child => child.Name == name) is not { } next) return null;
            at = next;
        }

        return at;
    }
}
