namespace Metering.Agent.Cgroups;

/// <summary>Takes one figure out of a kernel file; false when it is not there.</summary>
internal delegate bool FileParser(ReadOnlySpan<byte> file, out ulong value);
