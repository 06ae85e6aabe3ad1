namespace Metering.Agent.Cgroups;

/// <summary>A child directory as the kernel lists it. The inode is the 64-bit kernfs id, generation included.</summary>
internal readonly record struct CgroupEntry(string Name, ulong Inode);
