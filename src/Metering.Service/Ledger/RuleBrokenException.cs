namespace Metering.Service.Ledger;

/// <summary>Thrown within a write transaction to give it up: the document breaks rules, nothing of it takes effect.</summary>
internal sealed class RuleBrokenException(IReadOnlyList<Fault> faults) : Exception(string.Join(" ", faults))
{
    public IReadOnlyList<Fault> Faults => faults;

    /// <summary>Throws when there are any.</summary>
    public static void ThrowIfAny(IReadOnlyList<Fault> faults)
    {
        if (faults.Count > 0) throw new RuleBrokenException(faults);
    }
}
