using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>One after the other: some of these tests kill or freeze the node they share, which no other test has.</summary>
[CollectionDefinition(Name)]
public sealed class BrokerGroup : ICollectionFixture<BrokerNode>
{
    public const string Name = "broker";
}
