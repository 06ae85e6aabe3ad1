namespace Metering.Tests.Simulation;

/// <summary>The kernel's side of one cgroup: true usage in nanoseconds and bytes, shown as the kernel shows it. A dead child's usage stays in its parent.</summary>
internal sealed class FakeCgroup(ulong inode, string name, FakeCgroup? parent)
{
    private ulong _selfNanoseconds, _goneNanoseconds, _selfBytes, _goneBytes, _bytesOffset;

    public ulong Inode { get; } = inode;

    public string Name { get; } = name;

    public FakeCgroup? Parent { get; } = parent;

    public List<FakeCgroup> Children { get; } = [];

    public bool Alive { get; private set; } = true;

    /// <summary>Raised when the io controller is switched off and on: open files of it are dead, its counters start from zero.</summary>
    public int IoLife { get; private set; }

    /// <summary>Raised when the CPU counter is set back (v1's writable cpuacct.usage).</summary>
    private ulong _cpuOffset;

    public int Watch { get; set; } = -1;

    public int EventsWatch { get; set; } = -1;

    /// <summary>It has processes of its own.</summary>
    public bool Occupied { get; set; }

    public bool Populated => Occupied || Children.Exists(child => child.Populated);

    /// <summary>It has had children: processes that leave it do not come back.</summary>
    public bool WasParent { get; set; }

    /// <summary>An agent has opened it.</summary>
    public bool WasOpened { get; set; }

    public string Path => Parent is null ? "/" : Parent.Parent is null ? "/" + Name : Parent.Path + "/" + Name;

    public ulong TrueNanoseconds => _selfNanoseconds + _goneNanoseconds + Children.Aggregate(0UL, (sum, child) => sum + child.TrueNanoseconds);

    public ulong TrueBytes => _selfBytes + _goneBytes + Children.Aggregate(0UL, (sum, child) => sum + child.TrueBytes);

    public ulong ShownMicroseconds => (TrueNanoseconds - _cpuOffset) / 1000;

    public ulong ShownBytes => TrueBytes - _bytesOffset;

    /// <summary>Bytes that its own processes hold; given back at its end.</summary>
    public ulong SelfMemory { get; set; }

    public bool MemoryUnreadable { get; set; }

    public ulong ShownMemory => SelfMemory + Children.Aggregate(0UL, (sum, child) => sum + child.ShownMemory);

    /// <summary>What the agent can know at least, from what it was shown: sums of the lives of the counter whose end it could notice.</summary>
    public Observation Cpu;

    public Observation EncodedCpu;

    public Observation JournalledCpu;

    /// <summary>The first reading of a pass.</summary>
    public ulong? FirstInPass;
    public int ShownInPass = -1;

    public void Use(ulong nanoseconds, ulong bytes)
    {
        _selfNanoseconds += nanoseconds;
        _selfBytes += bytes;
    }

    public void ToggleIo()
    {
        _bytesOffset = TrueBytes;
        IoLife++;
    }

    public void ResetCpu() => _cpuOffset = TrueNanoseconds;

    public void Die()
    {
        foreach (var child in Children.ToArray()) child.Die();
        Alive = false;
        if (Parent is null) return;
        Parent.Children.Remove(this);
        Parent._goneNanoseconds += TrueNanoseconds;
        Parent._goneBytes += TrueBytes;
    }

    public IEnumerable<FakeCgroup> All()
    {
        yield return this;
        foreach (var child in Children)
        {
            foreach (var below in child.All()) yield return below;
        }
    }
}
