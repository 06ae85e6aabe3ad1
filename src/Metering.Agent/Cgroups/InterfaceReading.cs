using System.Runtime.InteropServices;

namespace Metering.Agent.Cgroups;

/// <summary>What one interface of a network namespace showed.</summary>
/// <param name="Name">Stands for its name: FNV-1a of it, so that reading makes no text.</param>
/// <param name="Index">Its number in the namespace, never used twice there; 0 when unknown. Another one under the same name is another interface.</param>
/// <param name="ReceivedBytes">Bytes since the interface was made.</param>
/// <param name="SentBytes">The same, the other way.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct InterfaceReading(ulong Name, uint Index, ulong ReceivedBytes, ulong SentBytes);
