namespace Metering.Service.Tenants;

/// <summary>To whom a workload belongs from one instant (Unix seconds) to another, exclusive.</summary>
public sealed record OwnedInterval(long From, long To, string Tenant, string Project)
{
    /// <summary>The tenant of what no rule matches: visible, never dropped.</summary>
    public const string UnattributedTenant = "unattributed";

    public static readonly OwnedInterval Unattributed = new(0, long.MaxValue, UnattributedTenant, "");

    /// <summary>The owner at an instant.</summary>
    public static OwnedInterval At(IReadOnlyList<OwnedInterval> owners, long bucketSeconds)
    {
        for (var i = 0; i < owners.Count; i++)
        {
            if (bucketSeconds >= owners[i].From && bucketSeconds < owners[i].To) return owners[i];
        }

        return Unattributed;
    }
}
