using Metering.Meters;

namespace Metering.Agent.Accounting;

// Network: billed once per network namespace, to the first cgroup that has a process in it.
internal sealed partial class Meterer
{
    private readonly NetworkMeter? _network;

    // A process has come, perhaps asleep: it uses no CPU that would tell.
    private void FindNetwork(CgroupNode node)
    {
        if (_network is not null && _options.Slow && node.Slow is { LastPass: > 0, Network: not { Namespace: > 0 } }) ReadSlow(node, wanted: 0, readNetwork: true);
    }

    private bool ReadNetwork(CgroupNode node, SlowState state)
    {
        // Also where no CPU was used: a process may have been moved there asleep.
        if (node.Parent is null) return false;
        var note = _network!.Read(node, state, _pass, out var received, out var sent, out var known);
        Note(node, MeterFamily.Network, note);

        // In its first minute a cgroup is still being set up: its processes come, and go to a namespace of their own. Later the kernel tells when the first one comes.
        var settled = _clock - node.MetAt > HeldLevelMicroseconds;
        state.Network?.Quiet = settled && !known;
        if (!known) return false;
        var grown = state.Tallies[SlowMeter.NetworkReceive].Add(received);
        grown |= state.Tallies[SlowMeter.NetworkTransmit].Add(sent);
        state.Network!.Quiet = settled && !grown;
        return grown;
    }
}
