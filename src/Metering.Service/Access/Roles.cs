namespace Metering.Service.Access;

/// <summary>What a credential may do.</summary>
public static class Roles
{
    public const string Admin = "admin", Finance = "finance", Reader = "reader", Agent = "agent", Scrape = "scrape", Enrol = "enroll";

    public static readonly IReadOnlyList<string> All = [Admin, Finance, Reader, Agent, Scrape, Enrol];

    /// <summary>Policies: ship usage, read reports, change configuration, scrape metrics, exchange a token for an agent's key.</summary>
    public const string MayShip = "ship", MayRead = "read", MayManage = "manage", MayScrape = "scrape", MayEnrol = "enroll";
}
