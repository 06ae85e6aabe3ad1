using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

// Reservations: a cgroup reserves what it is limited to by a setting of its own. Cgroups below it that set limits too reserve their part of that; the rest is its own,
// so that the sum over cgroups is what the outermost one may use. Without a limit narrower than the host there is no reservation, which is not one of zero.
internal sealed partial class Meterer
{
    // The cgroup's own limits. A list of processors that is its parent's is none of its own.
    private (ulong Cpu, ulong Memory) Limits(CgroupNode node)
    {
        var cpu = _facts.Has(Fact.CpuLimit) ? _facts[Fact.CpuLimit] : SlowParser.NoLimit;
        var processors = _facts.Has(Fact.Processors) ? _facts[Fact.Processors] : SlowParser.NoLimit;
        node.Slow!.Processors = processors;
        if (processors < (node.Parent?.Slow?.Processors ?? SlowParser.NoLimit)) cpu = Math.Min(cpu, processors);
        var memory = _facts.Has(Fact.MemoryLimit) ? _facts[Fact.MemoryLimit] : SlowParser.NoLimit;

        // Without an upper bound, what the kernel keeps for it is what it has reserved.
        if (memory == SlowParser.NoLimit && _facts.Has(Fact.MemoryMinimum) && _facts[Fact.MemoryMinimum] is > 0 and var kept) memory = kept;
        return (cpu, memory);
    }

    private void SettleReservation(CgroupNode node, SlowState state)
    {
        ulong cpuBelow = 0, memoryBelow = 0;
        foreach (var child in node.Children)
        {
            if (child.Slow is not { } below) continue;
            cpuBelow += below.CpuReserved;
            memoryBelow += below.MemoryReserved;
        }

        var (cpu, memory) = (state.CpuLimit, state.MemoryLimit);
        for (var above = node.Parent; above is not null; above = above.Parent)
        {
            if (above.Slow is not { } limits) continue;
            if (cpu != SlowParser.NoLimit) cpu = Math.Min(cpu, limits.CpuLimit);
            if (memory != SlowParser.NoLimit) memory = Math.Min(memory, limits.MemoryLimit);
        }

        state.CpuReserved = Reserve(node, state, SlowMeter.CpuReserved, cpu, cpuBelow);
        state.MemoryReserved = Reserve(node, state, SlowMeter.MemoryReserved, memory, memoryBelow);
    }

    // Integrated when the cgroup is read; a setting holds until it is read otherwise.
    private ulong Reserve(CgroupNode node, SlowState state, int meter, ulong limit, ulong below)
    {
        ref var level = ref state.Levels[SlowMeter.All[meter].Level];
        var own = limit == SlowParser.NoLimit || limit < below ? 0 : limit - below;
        var none = limit == SlowParser.NoLimit;
        if (state.LastPass == _pass || node.Gone)
        {
            if (level.Known || !none)
            {
                if (state.Tallies[meter].Add(level.Hold(own, _clock))) Touch(node);
                level.Known = !none;
            }
        }

        return none ? below : own + below;
    }
}
