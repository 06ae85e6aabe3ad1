namespace Metering.Service.Focus;

/// <summary>A version of the FinOps Open Cost and Usage Specification. What differs is in the tables of columns and rules.</summary>
internal sealed record FocusProfile(string Version)
{
    public static readonly FocusProfile V12 = new("1.2");

    public static readonly FocusProfile V14 = new("1.4");

    public static readonly IReadOnlyList<FocusProfile> All = [V14, V12];

    /// <summary>Billing periods and invoice details are datasets of their own since 1.4.</summary>
    public bool HasInvoices => this == V14;

    /// <summary>What a cost is split to has columns of its own since 1.3.</summary>
    public bool HasAllocation => this == V14;

    public static FocusProfile? Find(string version) => All.FirstOrDefault(one => one.Version == version);
}
