namespace Metering.Service.Access;

/// <summary>What a credential may do.</summary>
public static class Roles
{
    public const string Admin = "admin", Finance = "finance", Reader = "reader", Agent = "agent", Scrape = "scrape";

    public static readonly IReadOnlyList<string> All = [Admin, Finance, Reader, Agent, Scrape];

    /// <summary>Policies: ship usage, read reports, change configuration, scrape metrics.</summary>
    public const string MayShip = "ship", MayRead = "read", MayManage = "manage", MayScrape = "scrape";
}
