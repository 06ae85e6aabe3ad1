namespace Metering.Service.Rating;

/// <summary>How a period's cumulative quantity becomes cost.</summary>
public enum PriceModel
{
    /// <summary>Quantity × price.</summary>
    PerUnit,

    /// <summary>Each tier's price for the quantity that lies within the tier.</summary>
    Graduated,

    /// <summary>The price of the tier that the period's quantity has reached, for all of it.</summary>
    Volume,

    /// <summary>Price × blocks begun.</summary>
    Package,

    /// <summary>A price for being there, whatever is used.</summary>
    Flat,
}
