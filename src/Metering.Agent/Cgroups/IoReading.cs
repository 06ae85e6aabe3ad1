using System.Runtime.InteropServices;

namespace Metering.Agent.Cgroups;

/// <summary>What one block device did for one cgroup, cumulative: bytes and operations. <paramref name="Device"/> is major in the high half, minor in the low.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct IoReading(ulong Device, ulong ReadBytes, ulong WriteBytes, ulong ReadOperations, ulong WriteOperations);
