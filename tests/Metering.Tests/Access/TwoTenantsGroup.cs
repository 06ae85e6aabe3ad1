using Xunit;

namespace Metering.Tests.Access;

/// <summary>Those that walk the routes share one service: filling it takes longer than walking it.</summary>
[CollectionDefinition(nameof(TwoTenants))]
public sealed class TwoTenantsGroup : ICollectionFixture<TwoTenants>;
