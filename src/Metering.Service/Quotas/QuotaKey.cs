using System.Runtime.InteropServices;

namespace Metering.Service.Quotas;

/// <summary>Names one figure. Its hash leaves out the text of the component: of one quota and window there are few.</summary>
/// <param name="Start">Start of the window, bucket or minute, Unix seconds.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct QuotaKey(CompiledQuota Quota, long Start, string Component)
{
    public bool Equals(QuotaKey other) => ReferenceEquals(Quota, other.Quota) && Start == other.Start && string.Equals(Component, other.Component, StringComparison.Ordinal);

    public override int GetHashCode() => HashCode.Combine(Quota.Index, Start, Component.Length);
}
