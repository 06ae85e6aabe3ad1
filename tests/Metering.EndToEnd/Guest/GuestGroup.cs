using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>One boot for all of them, and nothing beside it: the guest's processors are emulated on this machine's.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class GuestGroup : ICollectionFixture<GuestMachine>
{
    public const string Name = "guest";
}
