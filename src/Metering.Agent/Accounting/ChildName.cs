namespace Metering.Agent.Accounting;

/// <summary>A name below a cgroup, as events tell it and as it stands in paths.</summary>
/// <param name="Parent">Path of the cgroup that it is below.</param>
/// <param name="Bytes">As the kernel has it.</param>
/// <param name="Name">Decoded, see <see cref="Cgroups.CgroupName"/>.</param>
/// <param name="Path">Of the child.</param>
internal sealed record ChildName(string Parent, byte[] Bytes, string Name, string Path);
