namespace Metering.Tests.Simulation;

/// <summary>What was shown of a counter: where it began, what earlier lives of it came to, and its last reading.</summary>
internal struct Observation
{
    public bool Seen;
    public ulong First, Passed, Last;

    public readonly ulong Known => Passed + Last;

    public void Show(ulong value)
    {
        if (!Seen) (Seen, First, Last) = (true, value, value);
        if (value < Last) Passed += Last;
        Last = value;
    }
}
