using Metering.Agent.Cgroups;
using Metering.Messages;
using Metering.Meters;

namespace Metering.Agent.Accounting;

/// <summary>Memory, I/O and pids from the cgroup's own v2 files.</summary>
internal sealed class V2Source(ICgroupTree tree, PassOptions options, PassCounters counters, BlockDevices devices, V2SlowFiles? slowFiles = null) : IMeterSource
{
    // A file that is not there (controller off) is asked for again after this many passes: controllers are switched on now and then.
    private const int RetryPasses = 6;
    private const string PidsPeak = "pids.peak", PidsCurrent = "pids.current";

    private readonly V2SlowFiles _slow = slowFiles ?? new V2SlowFiles(tree, counters, HostFacts.Read().Cpus);
    private readonly byte[] _buffer = new byte[64 * 1024];
    private IReadOnlySet<string> _controllers = new HashSet<string>();
    private int _kept, _untilLook;
    private bool _memory, _io, _pids;
    private string _pidsFile = PidsPeak;

    public bool IsHierarchical => true;

    public void BeginPass(Meterer meterer)
    {
        if (_untilLook-- > 0) return;
        _untilLook = RetryPasses;
        devices.Forget();
        _controllers = tree.Controllers();
    }

    public bool Has(MeterFamily family) => family switch
    {
        MeterFamily.Memory => _controllers.Contains("memory"),
        MeterFamily.Io => _controllers.Contains("io"),
        MeterFamily.Pids => _controllers.Contains("pids"),
        _ => false,
    };

    public bool TryMemory(CgroupNode node, MemoryState state, out ulong bytes)
    {
        bytes = 0;
        if (state.RetryIn > 0 && state.RetryIn-- > 0) return false;
        var length = ReadKept(node, "memory.current", ref state.Handle);
        if (length < 0 || !StatParser.TryNumber(_buffer.AsSpan(0, length), out bytes))
        {
            state.RetryIn = RetryPasses;
            if (length >= 0) counters.Malformed++;
            return false;
        }

        return _memory = true;
    }

    public bool TryIo(CgroupNode node, IoState state, bool countFirst)
    {
        if (state.RetryIn > 0 && state.RetryIn-- > 0) return false;
        var length = ReadKept(node, "io.stat", ref state.Handle, out var restarted, ref state.FileInode);

        // The controller was switched off, and perhaps on again: its counters start from zero, which is what an empty memory of devices expects.
        if (restarted)
        {
            state.Last.Clear();
            state.Proves = false;
        }

        if (length < 0)
        {
            state.RetryIn = RetryPasses;
            return false;
        }

        ReadOnlySpan<byte> rest = _buffer.AsSpan(0, length);
        while (!rest.IsEmpty)
        {
            var line = StatParser.NextLine(ref rest);
            if (StatParser.IsUnnamedDevice(line)) continue;
            if (!StatParser.TryIoLine(line, out var reading)) counters.Malformed += StatParser.IsDeviceWithoutFigures(line) ? 0 : 1;
            else if (devices.IsBottomLayer(reading.Device)) state.Observe(0, reading, countFirst);
        }

        return _io = true;
    }

    public bool TryPids(CgroupNode node, PeakState state, out ulong tasks)
    {
        tasks = 0;
        if (state.RetryIn > 0 && state.RetryIn-- > 0) return false;
        var length = ReadKept(node, _pidsFile, ref state.Handle);
        if (length < 0 && !_pids && _pidsFile == PidsPeak)
        {
            // pids.peak came with Linux 6.1; whether a kernel has it shows with the first cgroup that has the controller.
            length = ReadKept(node, PidsCurrent, ref state.Handle);
            if (length >= 0) _pidsFile = PidsCurrent;
        }

        if (length < 0 || !StatParser.TryNumber(_buffer.AsSpan(0, length), out tasks))
        {
            state.RetryIn = RetryPasses;
            if (length >= 0) counters.Malformed++;
            return false;
        }

        state.Availability = _pidsFile == PidsPeak ? Messages.Availability.Exact : Messages.Availability.BestEffort;
        return _pids = true;
    }

    public bool EventsAreLocal => _slow.EventsAreLocal;

    // The machine's own root speaks for everything below it and is nobody's workload.
    public void ReadSlow(CgroupNode node, SlowState state, Facts facts)
    {
        if (node.Parent is not null || !tree.RootIsMachine) _slow.Read(node, state, facts, _controllers);
    }

    public void Annotate(CgroupNode node, SlowState state, Action<CgroupNode, MeterFamily, string?> note)
    {
        if (node.Parent is null) return;
        note(node, MeterFamily.Memory, _memory && node.Memory is not { Level: true } ? "unavailable: the memory controller is not enabled for this cgroup" : null);
        note(node, MeterFamily.Pids, _pids && node.Pids is not { Known: true } ? "unavailable: the pids controller is not enabled for this cgroup" : null);
        if (_io && node.Io?.Accounts[0].Started != true) note(node, MeterFamily.Io, "unavailable: the io controller is not enabled for this cgroup");
        else if (node.Notes?[(int)MeterFamily.Io] is { } said && said.StartsWith("unavailable", StringComparison.Ordinal)) note(node, MeterFamily.Io, null);
        note(node, MeterFamily.Pressure, _slow.HasSeen(Fact.CpuPressure) && !state.Has(Fact.CpuPressure) ? "unavailable: pressure is switched off for this cgroup (cgroup.pressure)" : null);
        note(node, MeterFamily.HugePages, _slow.HasSeen(Fact.HugePages) && !state.Has(Fact.HugePages) ? "unavailable: the hugetlb controller is not enabled for this cgroup" : null);
    }

    public void Forget(CgroupNode node)
    {
        if (node.Memory is { Handle: >= 0 } memory) Release(ref memory.Handle);
        if (node.Io is { Handle: >= 0 } io) Release(ref io.Handle);
        if (node.Pids is { Handle: >= 0 } pids) Release(ref pids.Handle);
    }

    public IReadOnlyDictionary<string, string> Availability => new Dictionary<string, string>(_slow.Availability)
    {
        ["memory"] = _memory ? "exact" : "unavailable: no cgroup has the memory controller (cgroup.subtree_control)",
        ["io"] = _io ? "exact" : "unavailable: no cgroup has the io controller (systemd: DefaultIOAccounting=yes)",
        ["pids"] = _pids ? "exact" : "unavailable: no cgroup has the pids controller",
    };

    private int ReadKept(CgroupNode node, string file, ref int handle)
    {
        ulong inode = 0;
        return ReadKept(node, file, ref handle, out _, ref inode);
    }

    // Bytes in the buffer, or −errno. ENODEV on a kept handle while the cgroup lives means the controller was toggled: opened again, once.
    // So does another inode than the file had when it was opened before, for a toggled controller makes its files anew; inode 0 is not known yet.
    private int ReadKept(CgroupNode node, string file, ref int handle, out bool restarted, ref ulong inode)
    {
        restarted = false;
        if (handle >= 0)
        {
            var length = tree.Read(handle, _buffer);
            counters.FilesRead++;
            if (length >= 0) return length;
            Release(ref handle);
            restarted = length == -Posix.ENODEV;
        }

        var opened = tree.OpenFile(node.Path, node.Inode, file);
        if (opened < 0)
        {
            counters.Failed(opened);
            return opened;
        }

        counters.FilesRead++;
        var now = tree.FileInode(opened);
        restarted |= inode != 0 && now != 0 && now != inode;
        inode = now;
        var read = tree.Read(opened, _buffer);
        if (read >= 0 && _kept < options.KeptDescriptors)
        {
            handle = opened;
            _kept++;
        }
        else
        {
            tree.Close(opened);
        }

        return read;
    }

    private void Release(ref int handle)
    {
        tree.Close(handle);
        handle = -1;
        _kept--;
    }
}
