using Metering.EndToEnd.Guest;

[assembly: Xunit.AssemblyFixture(typeof(GuestEarly))]

namespace Metering.EndToEnd.Guest;

/// <summary>
/// In a run of every test the guest comes last and has the machine to itself; what it boots from is made while the first tests wait for their servers.
/// What goes wrong is told by the tests that need it.
/// </summary>
public sealed class GuestEarly
{
    public GuestEarly()
    {
        if (Environment.GetEnvironmentVariable("METERING_GUEST_EARLY") == "1" && File.Exists(GuestMachine.Qemu) && Environment.IsPrivilegedProcess) _ = GuestMachine.Made.Value;
    }
}
