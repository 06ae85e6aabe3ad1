using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

/// <summary>
/// Names that events told of lately. Most that come were there before: the death of who was born, the next run of the same service. They are decoded once and leave no garbage.
/// Bounded: a name takes the place of another that falls on it.
/// </summary>
internal sealed class ChildNames
{
    // A power of two.
    private const int Slots = 4096;

    private readonly ChildName?[] _slots = new ChildName?[Slots];

    /// <summary>The name below a cgroup.</summary>
    /// <param name="name">Without the zero bytes that end it.</param>
    public ChildName Of(CgroupNode parent, ReadOnlySpan<byte> name)
    {
        var hash = new HashCode();
        hash.Add(parent.Inode);
        hash.AddBytes(name);
        ref var slot = ref _slots[hash.ToHashCode() & (Slots - 1)];
        if (slot is not null && slot.Parent == parent.Path && name.SequenceEqual(slot.Bytes)) return slot;
        var decoded = CgroupName.Decode(name);
        return slot = new ChildName(parent.Path, name.ToArray(), decoded, Meterer.Join(parent.Path, decoded));
    }
}
