using System.Runtime.InteropServices;

namespace Metering.Service.Allocation;

/// <summary>What a workload used, or had reserved, of its host in a bucket.</summary>
/// <param name="Cpu">µs; 0 where it is unknown.</param>
/// <param name="Memory">Byte-seconds.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct HostUse(string Host, string Tenant, long Workload, long Cpu, long Memory);
