using Metering.Meters;

namespace Metering.Agent.Accounting;

// Network: billed once per network namespace, to the first cgroup that has a process in it.
internal sealed partial class Meterer
{
    private readonly NetworkMeter? _network;

    private bool ReadNetwork(CgroupNode node, SlowState state)
    {
        // Also where no CPU was used: a process may have been moved there asleep.
        if (node.Parent is null) return false;
        var note = _network!.Read(node, state, _pass, out var received, out var sent, out var known);
        Note(node, MeterFamily.Network, note);
        state.Network?.Quiet = !known;
        if (!known) return false;
        var grown = state.Tallies[SlowMeter.NetworkReceive].Add(received);
        grown |= state.Tallies[SlowMeter.NetworkTransmit].Add(sent);
        state.Network!.Quiet = !grown && _clock - node.MetAt > HeldLevelMicroseconds;
        return grown;
    }
}
