using Metering.Service.Tenants;

namespace Metering.Service.Ledger;

/// <summary>A stored row of usage that became another owner's.</summary>
internal sealed record MovedUsage(UsageRow Row, OwnedInterval Before, OwnedInterval After);
