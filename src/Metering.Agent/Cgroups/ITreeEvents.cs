namespace Metering.Agent.Cgroups;

/// <summary>Receives what the tree tells, in the order in which it happened.</summary>
internal interface ITreeEvents
{
    void Born(int watch, ReadOnlySpan<byte> name);

    void Died(int watch, ReadOnlySpan<byte> name);

    /// <summary>The <c>cgroup.events</c> of a cgroup changed: it was populated, or emptied, or frozen.</summary>
    void Changed(int watch);

    /// <summary>Events were lost: everything is listed again.</summary>
    void Overflow();
}
