using Metering.Agent.Workloads;
using Metering.Meters;

namespace Metering.Agent.Accounting;

// Objects of cgroups that have ended, for those that come: a host that makes a thousand cgroups a second makes no garbage by it.
internal sealed partial class Meterer
{
    private const int MaxSpare = 1024;

    private readonly ChildNames _names = new();
    private readonly Stack<CgroupNode> _spareNodes = [];
    private readonly Stack<SlowState> _spareSlow = [];
    private readonly Stack<MemoryState> _spareMemory = [];
    private readonly Stack<IoState> _spareIo = [];
    private readonly Stack<PeakState> _sparePids = [];
    private readonly Stack<string?[]> _spareNotes = [];
    private static readonly int Families = Enum.GetValues<MeterFamily>().Length;

    private CgroupNode Make(ulong inode, string path, CgroupNode parent, Workload workload)
    {
        if (!_spareNodes.TryPop(out var node)) return new CgroupNode(inode, path, parent, workload);
        node.Become(inode, path, parent, workload);
        return node;
    }

    private SlowState NewSlow() => _spareSlow.TryPop(out var state) ? state : new SlowState();

    private MemoryState NewMemory() => _spareMemory.TryPop(out var state) ? state : new MemoryState();

    private IoState NewIo() => _spareIo.TryPop(out var state) ? state : new IoState();

    private PeakState NewPids() => _sparePids.TryPop(out var state) ? state : new PeakState();

    private string?[] NewNotes() => _spareNotes.TryPop(out var notes) ? notes : new string?[Families];

    // Told and stored: nothing reads it again. One that still waits somewhere, or had cgroups below it, is left to the collector.
    private void Spare(CgroupNode node)
    {
        if (!node.Detached || node.Events is not null || node.Dying is not null || node.Children.Count > 0 || _spareNodes.Count >= MaxSpare) return;
        if (node.Slow is { } slow)
        {
            slow.Clear();
            _spareSlow.Push(slow);
        }

        if (node.Memory is { } memory)
        {
            memory.Clear();
            _spareMemory.Push(memory);
        }

        if (node.Io is { } io)
        {
            io.Clear();
            _spareIo.Push(io);
        }

        if (node.Pids is { } pids)
        {
            pids.Clear();
            _sparePids.Push(pids);
        }

        if (node.Notes is { } notes)
        {
            Array.Clear(notes);
            _spareNotes.Push(notes);
        }

        (node.Slow, node.Memory, node.Io, node.Pids, node.Notes, node.Detached) = (null, null, null, null, null, false);
        _spareNodes.Push(node);
    }
}
