namespace Metering.Agent.Cgroups;

/// <summary>Receives births and deaths of child directories.</summary>
internal interface ITreeEvents
{
    void Born(int watch, ReadOnlySpan<byte> name);

    void Died(int watch);

    /// <summary>Events were lost: everything is listed again.</summary>
    void Overflow();
}
