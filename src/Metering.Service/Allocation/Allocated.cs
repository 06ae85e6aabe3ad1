using System.Runtime.InteropServices;

namespace Metering.Service.Allocation;

/// <summary>One share of a bucket's cost.</summary>
/// <param name="Host">Empty: of no host.</param>
/// <param name="Tenant">Or <c>__idle__</c>, <c>__overhead__</c>.</param>
/// <param name="Workload">The ledger's id; 0: of the tenant itself.</param>
/// <param name="Nano">In 10⁻⁹ of the currency.</param>
/// <param name="Base">What was used, in base units; for parts by use.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Allocated(string Host, string Tenant, long Workload, AllocationPart Part, Int128 Nano, long Base = 0);
