using Metering.Cli.Doctor;
using Xunit;

namespace Metering.Tests.Cli;

public sealed class CapabilityTests
{
    private const ulong None = 0, ReadSearch = 1 << 2, Override = 1 << 1, Ptrace = 1 << 19, Nice = 1 << 23;

    [Theory]
    [InlineData("names", None, 0, false, false)]
    [InlineData("names", ReadSearch, 0, false, true)]
    [InlineData("names", Override, 0, false, true)]
    [InlineData("namespaces", None, 30, false, false)]
    [InlineData("namespaces", Ptrace, 0, false, true)]
    [InlineData("reading first", None, 29, false, false)]
    [InlineData("reading first", None, 30, false, true)]
    [InlineData("reading first", Nice, 0, false, true)]
    [InlineData("enforcement", None, 0, false, true)]
    [InlineData("enforcement", None, 0, true, false)]
    [InlineData("enforcement", Override, 0, true, true)]
    public void Doctor_warns_of_what_is_not_held_and_would_buy_something(string check, ulong held, long niceLimit, bool enforces, bool ok)
    {
        var judged = Capability.All.Single(one => one.Check == check).Judge(held, niceLimit, enforces);

        Assert.Equal((check, ok ? CheckState.Ok : CheckState.Warning, ok), (judged.Name, judged.State, judged.Remedy is null));
    }
}
